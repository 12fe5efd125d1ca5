"""The waves of a fleet: which sites are of which, in which order, and what is wrong with the way they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from arcfleet.core.fleet.manifest import Rollout, Site, Wave

ALL = "all"
"""Name of the only wave of a fleet that has none."""

Place = tuple[str | int, ...]


def is_of(wave: Wave, site: Site) -> bool:
    """Tell whether a wave's labels choose a site."""
    return wave.match is not None and wave.match.labels.items() <= dict(site.labels).items()


def members(rollout: Rollout, sites: Sequence[Site]) -> dict[str, list[Site]]:
    """Return the sites of each wave, by its name, in the order in which they are begun.

    Parents come before what is nested under them, then the label `order` counts, then the fleet file's order.
    """
    if not rollout.waves:
        return {ALL: ordered(sites)}
    chosen: dict[str, list[Site]] = {wave.name: [] for wave in rollout.waves}
    rest = next((wave.name for wave in rollout.waves if wave.rest), None)
    for site in sites:
        name = next((wave.name for wave in rollout.waves if is_of(wave, site)), rest)
        if name is not None:
            chosen[name].append(site)
    return {name: ordered(found) for name, found in chosen.items()}


def ordered(sites: Sequence[Site]) -> list[Site]:
    """Return a wave's sites in the order in which they are begun."""
    return sorted(sites, key=lambda site: (len(site.ancestors), _order(site.labels)))


def _order(labels: Mapping[str, str]) -> int:
    text = labels.get("order", "0")
    return int(text) if text.lstrip("-").isdecimal() else 0


def problems(rollout: Rollout, sites: Sequence[Site]) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with the waves of a fleet that is complete: the place in `rollout`, and the words."""
    yield from _written(rollout)
    number = {wave.name: index for index, wave in enumerate(rollout.waves)}
    rest = next((wave.name for wave in rollout.waves if wave.rest), None)
    wave_of: dict[str, str] = {}
    for site in sites:
        of = [wave.name for wave in rollout.waves if is_of(wave, site)]
        if len(of) > 1:
            message = f"site {site.name} is also in wave {of[0]}; a site belongs to exactly one"
            yield ("waves", number[of[1]], "match"), message
        elif not of and not rest and rollout.waves:
            yield ("waves",), f"site {site.name} is in no wave: add one with rest: true, or a match for it"
        if of or rest:
            wave_of[site.name] = of[0] if of else str(rest)
    for site in sites:
        mine, above = wave_of.get(site.name), wave_of.get(site.parent or "")
        if mine and above and number[above] > number[mine]:
            message = f"site {site.name} is begun in wave {mine}, its parent {site.parent} only in wave {above}"
            yield ("waves", number[mine]), message


def _written(rollout: Rollout) -> Iterator[tuple[Place, str]]:
    names = [wave.name for wave in rollout.waves]
    for index, wave in enumerate(rollout.waves):
        if wave.name in names[:index]:
            yield ("waves", index, "name"), f"wave {wave.name} is listed already"
        if wave.rest and any(other.rest for other in rollout.waves[:index]):
            yield ("waves", index, "rest"), "another wave takes the rest already"
    if rollout.waves and rollout.max_failures is not None:
        yield ("maxFailures",), "is of a fleet without waves; each wave has its own"
