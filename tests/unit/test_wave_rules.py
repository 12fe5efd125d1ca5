"""Which site is of which wave, and what is wrong with the way waves are written."""

import pytest
from examples import HEAD

from arcfleet.core.fleet.resolve import load
from arcfleet.errors import ManifestError


def fleet(rollout: str, *sites: tuple[str, str]) -> str:
    lines = "".join(
        f"  - {{name: {name}, registry: acreu1, connectedRegistry: {name}plant, "
        f"cluster: {{name: k-{name}, resourceGroup: rg}}, clusterIP: 10.0.0.1{more}}}\n"
        for name, more in sites
    )
    return f"{HEAD}sites:\n{lines}rollout: {rollout}\n"


TEST, PROD = ("a", ", labels: {env: test}"), ("b", ", labels: {env: prod}")
CANARY, REST = "{name: canary, match: {labels: {env: test}}}", "{name: prod, rest: true}"
REFUSED = {
    "of two waves": (
        f"{{waves: [{CANARY}, {{name: all, match: {{labels: {{env: test}}}}}}, {REST}]}}",
        "rollout.waves[1].match  site a is also in wave canary; a site belongs to exactly one",
    ),
    "of none": (
        f"{{waves: [{CANARY}]}}", "rollout.waves  site b is in no wave: add one with rest: true, or a match for it",
    ),
    "two of a name": (
        f"{{waves: [{CANARY}, {REST.replace('prod', 'canary')}]}}",
        "rollout.waves[1].name  wave canary is listed already",
    ),
    "two rests": (
        f"{{waves: [{REST}, {REST.replace('prod', 'other')}]}}",
        "rollout.waves[1].rest  another wave takes the rest already",
    ),
    "a bound that no wave has": (
        f"{{maxFailures: 1, waves: [{REST}]}}",
        "rollout.maxFailures  is of a fleet without waves; each wave has its own",
    ),
    "neither match nor rest": ("{waves: [{name: a}]}", "rollout.waves[0]  give either match or rest: true"),
    "match and rest": (
        "{waves: [{name: a, rest: true, match: {labels: {a: b}}}]}",
        "rollout.waves[0]  give either match or rest: true",
    ),
    "a share of more than all": (
        "{waves: [{name: a, rest: true, maxFailures: 101%}]}",
        "rollout.waves[0].maxFailures  '101%' is neither a number nor a share from 0% to 100%",
    ),
    "fewer than none": (
        "{waves: [{name: a, rest: true, maxFailures: -1}]}",
        "rollout.waves[0].maxFailures  write a number from 0 on, or a share such as 10%",
    ),
    "a gate of no kind": (
        "{waves: [{name: a, rest: true, before: [{}]}]}",
        "rollout.waves[0].before[0]  give one of approval, notBefore and check",
    ),
    "a gate of two kinds": (
        "{waves: [{name: a, rest: true, before: [{notBefore: '20:00', approval: {}}]}]}",
        "rollout.waves[0].before[0]  give one of approval, notBefore and check",
    ),
    "a moment after a wave": (
        "{waves: [{name: a, rest: true, after: [{notBefore: '20:00'}]}]}",
        "rollout.waves[0]  notBefore belongs into before, of the next wave",
    ),
    "no moment": (
        "{waves: [{name: a, rest: true, before: [{notBefore: soon}]}]}",
        "rollout.waves[0].before[0].notBefore  'soon' is no moment: write for example Sat 20:00 UTC, or 2026-",
    ),
    "a check of two kinds": (
        "{waves: [{name: a, rest: true, before: [{check: {url: 'http://a', deployment: a/b}}]}]}",
        "rollout.waves[0].before[0].check  give either url or deployment",
    ),
    "an address with a password": (
        "{waves: [{name: a, rest: true, before: [{check: {url: 'https://me:hunter2@slo'}}]}]}",
        "is no http or https address without a user name",
    ),
    "no zone": (
        "{waves: [{name: a, rest: true, window: {opens: 0 2 * * *, for: 1h, timezone: Mars}}]}",
        "rollout.waves[0].window.timezone  'Mars' is no time zone: write for example UTC or Europe/Berlin",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rollout", "words"), REFUSED.values(), ids=REFUSED)
def test_waves_that_can_not_be_are_refused_at_their_place(rollout, words):
    with pytest.raises(ManifestError) as refused:
        load(fleet(rollout, TEST, PROD), "f")

    assert any(words in problem for problem in refused.value.problems), refused.value.problems


def test_a_parent_is_not_of_a_later_wave_than_its_child():
    text = fleet(f"{{waves: [{CANARY}, {REST}]}}", (TEST[0], f"{TEST[1]}, parent: b"), PROD)

    with pytest.raises(ManifestError) as refused:
        load(text, "f")

    (problem,) = refused.value.problems
    assert problem.endswith("rollout.waves[0]  site a is begun in wave canary, its parent b only in wave prod")
