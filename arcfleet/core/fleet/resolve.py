"""From a fleet's files to complete sites. Every problem is listed, each at the place where its value is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from arcfleet.core import leaks
from arcfleet.core.fleet import waves
from arcfleet.core.fleet.checks import cross_checks
from arcfleet.core.fleet.folder import Sources, join
from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.fleet.layers import Draft, drafts
from arcfleet.core.fleet.manifest import Fleet, FleetFile, Registry, Site, SiteEntry
from arcfleet.core.fleet.problems import Problems, told
from arcfleet.core.fleet.source import read

Discovered = Mapping[int, Sequence[FoundCluster]]
"""Index of an entry of `sitesFrom` -> the clusters that Azure has for it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A fleet with what its sites were made of."""

    file: FleetFile
    sources: Sources
    sites: tuple[tuple[Draft, Site], ...]
    discovered: Discovered

    @property
    def fleet(self) -> Fleet:
        """The fleet alone."""
        asked = {index for index in range(len(self.file.sites_from)) if index in self.discovered}
        return Fleet(
            name=self.file.metadata.name,
            sites=_nested([site for _, site in self.sites]),
            rollout=self.file.rollout,
            inventories={i: entry for i, entry in enumerate(self.file.sites_from) if i not in asked},
        )


def _nested(sites: Sequence[Site]) -> tuple[Site, ...]:
    """Return the sites, each with the connected registries above it."""
    by_name = {site.name: site for site in sites}

    def above(site: Site) -> tuple[str, ...]:
        found: dict[str, str] = {}
        while (parent := by_name.get(site.parent or "")) and parent.name not in found:
            found[parent.name] = parent.connected_registry
            site = parent
        return tuple(found.values())

    return tuple(site.model_copy(update={"ancestors": above(site)}) if site.parent else site for site in sites)


def load(text: str, name: str, discovered: Discovered | None = None) -> Fleet:
    """Read, validate and resolve a fleet file.

    Args:
        text: The file's content.
        name: Its name, for messages.
        discovered: As `resolve` takes it.

    Raises:
        ManifestError: With every problem found.
    """
    return resolve(join([read(text, name)]), discovered).fleet


def resolve(sources: Sources, discovered: Discovered | None = None) -> Resolution:
    """Validate and resolve a fleet.

    Args:
        sources: What its files hold.
        discovered: The clusters that Azure has for each entry of `sitesFrom`; none of an entry that is not in here,
            which leaves the fleet without the sites that would be found.

    Raises:
        ManifestError: With every problem found; with the secrets alone, where a file holds one.
    """
    problems = Problems()
    for path, message in leaks.found(sources.value):
        problems.add(sources.problem(path, message))
        if problems.enough:
            break
    # No message below may repeat a value of a file that holds a secret.
    problems.raise_any()
    file = _file(sources, problems)
    problems.raise_any()
    assert file is not None  # there would be problems else
    if not file.sites and not file.sites_from:
        problems.add(sources.problem(("sites",), "needs at least one entry, or sitesFrom"))
    registries = _registries(file, sources, problems)
    found = discovered or {}
    made = drafts(file, sources, found)
    asked = len(found) == len(file.sites_from)
    if file.sites_from and asked and not made:
        problems.add(sources.problem(("sitesFrom",), "Azure has no such cluster, so the fleet has no site"))
    sites = _sites(made, registries, sources, problems)
    complete = asked and len(sites) == len(made)
    problems.add(*cross_checks(sites, sources, complete=complete))
    if complete:
        for place, message in waves.problems(file.rollout, [site for _, site in sites]):
            problems.add(sources.problem(("rollout", *place), message))
    problems.raise_any()
    return Resolution(file, sources, tuple(sites), found)


def _file(sources: Sources, problems: Problems) -> FleetFile | None:
    try:
        return FleetFile.model_validate(sources.value, by_alias=True, by_name=False)
    except ValidationError as error:
        for path, message in told(error):
            problems.add(sources.problem(path, message))
    return None


def _registries(file: FleetFile, sources: Sources, problems: Problems) -> dict[str, Registry]:
    registries: dict[str, Registry] = {}
    for index, registry in enumerate(file.registries):
        if registries.setdefault(registry.name.lower(), registry) is not registry:
            problems.add(sources.problem(("registries", index, "name"), f"{registry.name} is listed already"))
    return registries


def _sites(
    made: Sequence[Draft], registries: Mapping[str, Registry], sources: Sources, problems: Problems
) -> list[tuple[Draft, Site]]:
    sites = []
    for draft in made:
        if problems.enough:
            break
        try:
            entry = SiteEntry.model_validate(draft.merged, by_alias=True, by_name=False)
        except ValidationError as error:
            for path, message in told(error, suggest=not problems.listed):
                place = draft.written_at(path)
                about = draft.subject if place[0] == "sitesFrom" else ""
                problems.add(sources.problem(place, f"{about}{message}"))
            continue
        registry = registries.get(entry.registry.lower())
        if registry is None:
            place = draft.written_at(("registry",))
            problems.add(sources.problem(place, f"{leaks.quote(entry.registry)} is not among registries"))
            continue
        # The entry is valid already; to validate it a second time would take as long again.
        sites.append((draft, Site.model_construct(**dict(entry), registry_ref=registry.ref)))
    return sites
