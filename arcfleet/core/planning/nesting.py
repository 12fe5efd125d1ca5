"""Sites below other sites: in which order they are deployed, and what that makes of their plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.planning import scope_actions
from arcfleet.core.planning.ensure import Change, Kind
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason


def parents_first(sites: Iterable[Site]) -> list[Site]:
    """Return sites so that none comes before one that it is nested under; else in their own order."""
    return sorted(sites, key=lambda site: len(site.ancestors))


def children(site: Site, sites: Iterable[Site]) -> tuple[str, ...]:
    """Return the names of the sites that are nested right under a site."""
    return tuple(other.name for other in sites if other.parent == site.name)


def in_the_way(child: str, how: str, finding: Finding | None) -> Finding:
    """Return why a site is not removed: one below it was not. The arguments are those of `not_ready`."""
    return Finding(
        Verdict.FAILED, Reason.HAS_CHILDREN, f"child {child}",
        f"site {child}, below it, {how}: nothing above it is removed",
        evidence=(finding.message,) if finding else (),
        remedy=f"see to {child} first, then remove again",
    )  # fmt: skip


def not_ready(parent: str, how: str, finding: Finding | None) -> Finding:
    """Return why nothing is begun below a site.

    Args:
        parent: The site's name.
        how: How it stands, in a word.
        finding: What is wrong with it.
    """
    return Finding(
        Verdict.FAILED, Reason.PARENT_NOT_READY, f"parent {parent}",
        f"site {parent}, its parent, {how}: nothing is begun below it",
        evidence=(finding.message,) if finding else (),
        remedy=f"bring {parent} to health, then deploy again",
    )  # fmt: skip


def combined(sites: Sequence[Site], plans: Sequence[SitePlan]) -> dict[str, SitePlan]:
    """Return the plans of sites, by name, as one deploy of all of them carries them out.

    Each plan was made as if its site were alone. Here nothing is begun below a site at which nothing is done, and what
    one site writes to a cloud registry is not written again for the next.
    """
    named = {site.name: plan for site, plan in zip(sites, plans, strict=True)}
    written: dict[str, set[str]] = {}
    for site in parents_first(sites):
        plan, parent = named[site.name], named.get(site.parent or "")
        if parent and parent.finding:
            finding = not_ready(site.parent or "", parent.disposition, parent.finding)
            named[site.name] = SitePlan(Disposition.BLOCKED, finding=finding)
        elif plan.changes:
            named[site.name] = plan.ensuring(tuple(_not_written(plan.ensure, written)))
    return named


def _not_written(changes: Iterable[Change], written: dict[str, set[str]]) -> Iterable[Change]:
    """Yield what is left to be written. `written` is what others write, by target; of a scope map its actions."""
    for change in changes:
        target = change.call.target.lower()
        before = written.get(target)
        if change.kind is Kind.SCOPE_MAP:
            lacking = scope_actions.missing(change.actions, before or ())
            written.setdefault(target, set()).update(lacking)
            if lacking:
                call = change.call if before is None else replace(change.call, method="PATCH")
                yield replace(change, call=call, actions=lacking)
        elif before is None:
            written[target] = set()
            yield change
