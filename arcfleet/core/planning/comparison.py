"""A site compared with the fleet file: a plan acts on what differs, an audit tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arcfleet.core import differences
from arcfleet.core.differences import Difference, Kind
from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workload_drift
from arcfleet.core.kube.workloads import Desired, Login
from arcfleet.core.names import last_segment
from arcfleet.core.planning import ensure
from arcfleet.core.planning.ensure import Change

Place = tuple[str, str]
"""A secret's namespace and name."""
LINES = 2
"""How many differences of one workload a plan names."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What of a site differs, by what is done about it."""

    ensured: tuple[Change, ...] = ()
    """Of the cloud registry, where the site has `ensure`."""
    extension: tuple[Difference, ...] = ()
    pull_secrets: Mapping[Place, Difference] = field(default_factory=dict)
    workloads: tuple[tuple[Desired, tuple[Difference, ...]], ...] = ()
    """The workloads that differ, with what does."""

    @property
    def because(self) -> tuple[str, ...]:
        """A line for each thing that is done in the cluster."""
        return (*(secret.what for secret in self.pull_secrets.values()), *(_line(*item) for item in self.workloads))


def compare(site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> Comparison:
    """Compare a site.

    Args:
        site: What is wanted.
        facts: What was observed.
        wanted: Its workloads as they are to be.
    """
    places = dict.fromkeys((item.namespace, item.workload.pull_secret) for item in wanted)
    found = [(item, _of_workload(item, facts)) for item in wanted]
    return Comparison(
        _ensured(site, facts, wanted),
        differences.of_extension(site, facts.extension),
        {place: _of_secret(site, facts, place) for place in places if not facts.pull_secrets.get(place)},
        tuple((item, changes) for item, changes in found if changes),
    )


def _ensured(site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> tuple[Change, ...]:
    if facts.contents is None:
        return ()
    needed = ensure.repositories(site, (image for item in wanted for image in item.images))
    return ensure.changes(site, facts.registry, facts.contents, needed)


def _of_workload(wanted: Desired, facts: SiteFacts) -> tuple[Difference, ...]:
    name = wanted.workload.name
    return workload_drift.differences(wanted, facts.workloads.get(name), facts.others.get(name, ()))


def _of_secret(site: Site, facts: SiteFacts, place: Place) -> Difference:
    found = facts.pull_secret_faults.get(place, differences.MISSING)
    return Difference(Kind.PULL_SECRET, f"pull secret {'/'.join(place)}", found, f"a login for {site.cluster_ip}")


def pull_secret_fault(site: Site, cr: ConnectedRegistryFacts, held: Login | None, own: Login | None) -> str:
    """Return why a pull secret does not hold the login that it is to hold; empty where it does.

    A connected registry lets its client tokens in and nobody else, so any other user's login is of no use.

    Args:
        site: The site.
        cr: Its connected registry.
        held: The login for the site's address that the secret holds.
        own: The login that the user gives, as far as it can be had here.
    """
    if held is None:
        return f"no login for {site.cluster_ip}"
    source = site.pull_secret_from
    if source and source.username:
        if held.username != source.username:
            return f"a login of {held.username}, not of {source.username}"
        return "" if own is None or held.is_as(own) else "another password than the one given"
    known = {name.lower() for name in (*map(last_segment, cr.client_token_ids), site.client_token or "") if name}
    if known and held.username.lower() not in known:
        return f"a login of {held.username}, which is no client token of {cr.name}"
    return ""


def _line(wanted: Desired, found: Sequence[Difference]) -> str:
    """Return a workload's line in a plan: where others changed it, what they did."""
    whole = f"workload {wanted.workload.name}"
    drifted = [str(item).removeprefix(f"{whole}: ") for item in found if item.what.startswith(f"{whole}: ")]
    more = [f"{len(drifted) - LINES} more"] if len(drifted) > LINES else []
    return f"{whole}: {', '.join([*drifted[:LINES], *more])}" if drifted else whole
