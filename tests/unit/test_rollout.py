"""What a run does next: the start rule, breaches, gates, soaks, and what holds for every run whatever happens in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from examples import HEAD
from hypothesis import given, settings
from hypothesis import strategies as st

from arcfleet.core.fleet.manifest import Approval, Gate, Window
from arcfleet.core.fleet.resolve import load
from arcfleet.core.runs.outcomes import COUNTED, LEFT_OUT, WELL, Ended, Status
from arcfleet.core.runs.rollout import (
    Answer,
    Ask,
    Block,
    Done,
    RunState,
    Soak,
    Start,
    Wait,
    WaveProgress,
    concurrency,
    failures_allowed,
    next_action,
)
from arcfleet.core.runs.run_waves import GateId, RunWave, waves_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
S, F, T, D, B, N = (
    Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.DEFERRED, Status.BLOCKED, Status.NOOP,
)  # fmt: skip
ASKED = Gate(approval=Approval())


def wave(count: int, name: str = "w", **options) -> RunWave:
    values = {"max_concurrency": 10, "max_failures": 0, **options}
    return RunWave(name, tuple(f"{name}{i}" for i in range(1, count + 1)), **values)


def state(*waves: RunWave, running: tuple[str, ...] = (), waits_for=None, answers=None, **statuses: Status) -> RunState:
    return RunState(waves, waits_for or {}, statuses, frozenset(running), answers or {})


def ended(of: RunWave, *statuses: Status) -> dict[str, Status]:
    return dict(zip(of.sites, statuses, strict=False))


WORST = {
    "10 sites, 5 at once, 1 may fail": (10, 5, 1, 2, 5),
    "none may fail": (10, 5, 0, 1, 5),
    "shares of 40": (40, "25%", "10%", 5, 10),
    "shares of 200": (200, 20, "5%", 11, 20),
    "a share of few is at least one": (3, "10%", 5, 1, 1),
    "no bound": (10, 5, None, 5, 5),
}


@pytest.mark.parametrize(("count", "width", "bound", "strict", "soft"), WORST.values(), ids=WORST)
def test_at_first_so_many_start_as_could_fail_within_the_bound_and_one(count, width, bound, strict, soft):
    cautious = wave(count, max_concurrency=width, max_failures=bound)

    assert next_action(state(cautious), NOW) == Start("w", cautious.sites[:strict])
    assert next_action(state(replace(cautious, strict=False)), NOW) == Start("w", cautious.sites[:soft])


STEPS = {
    "a place is free again": (state(wave(3, max_failures=1), running=("w2",), w1=S), Start("w", ("w3",))),
    "a failure takes a place": (state(wave(4, max_failures=1), running=("w2",), w1=F), Wait("w")),
    "a time-out counts as well": (state(wave(4, max_failures=1), running=("w2",), w1=T), Wait("w")),
    "the bound is broken": (state(wave(3), w1=F), Done(Ended.STOPPED, "w", "1 failed of 0 allowed")),
    "what is under way ends first": (
        state(wave(3, max_failures=1), running=("w3",), w1=F, w2=F), Wait("w", why="2 failed of 1 allowed"),
    ),
    "left out is no failure": (state(wave(3), w1=D, w2=B), Start("w", ("w3",))),
    "the bound is of those that are not left out": (
        state(wave(10, max_failures="10%"), w1=D, w2=F), Done(Ended.STOPPED, "w", "1 failed of 0 allowed"),
    ),
    "all well": (state(wave(2), w1=S, w2=N), Done(Ended.COMPLETED)),
    "all left out": (state(wave(2), w1=D, w2=D), Done(Ended.COMPLETED)),
    "an earlier wave's end does not wait for a later one's sites": (
        state(wave(1), wave(3, "x", max_failures=1), running=("x2",), w1=S, x1=S), Start("x", ("x3",)),
    ),
    "a wave that nobody is of": (state(wave(0), wave(1, "x")), Start("x", ("x1",))),
    "too few are well": (
        state(wave(2, max_failures=1, min_success="90%"), wave(1, "x"), w1=S, w2=F),
        Done(Ended.STOPPED, "w", "1 succeeded of 2 needed"),
    ),
    "none is well though all may fail": (
        state(wave(1, max_failures=1), wave(1, "x"), w1=F), Done(Ended.STOPPED, "w", "0 succeeded of 1 needed"),
    ),
    "without a bound nothing stops": (state(wave(2, max_failures=None), w1=F, w2=F), Done(Ended.COMPLETED)),
    "a parent first": (state(wave(2), waits_for={"w1": ("w2",)}), Start("w", ("w2",))),
    "a parent under way": (state(wave(2), running=("w2",), waits_for={"w1": ("w2",)}), Wait("w")),
    "a parent that failed": (
        state(wave(2, max_failures=1), waits_for={"w2": ("w1",)}, w1=F), Block("w2", "w1"),
    ),
    "all children first": (
        state(wave(3), waits_for={"w3": ("w1", "w2")}, running=("w2",), w1=S), Wait("w"),
    ),
    "a soak": (state(wave(2, soak=600.0), w1=S, w2=N), Soak("w", 600.0, ("w1",))),
    "nothing to soak": (state(wave(1, soak=600.0), w1=N), Done(Ended.COMPLETED)),
    "a gate before": (state(wave(1, before=(ASKED,))), Ask(GateId("w", after=False, index=0), ASKED)),
    "a gate after": (
        state(wave(1, after=(ASKED,)), wave(1, "x"), w1=S), Ask(GateId("w", after=True, index=0), ASKED),
    ),
    "a gate after the last wave keeps nothing": (
        state(wave(1, after=(ASKED,)), wave(0, "x"), w1=S), Done(Ended.COMPLETED),
    ),
    "a gate that was passed": (
        state(wave(1, before=(ASKED,)), answers={GateId("w", after=False, index=0): Answer.APPROVED}),
        Start("w", ("w1",)),
    ),
    "a no": (
        state(wave(1, before=(ASKED,)), answers={GateId("w", after=False, index=0): Answer.REJECTED}),
        Done(Ended.REJECTED, "w", "w.before[0] rejected"),
    ),
    "no answer": (
        state(wave(1, before=(ASKED,)), answers={GateId("w", after=False, index=0): Answer.EXPIRED}),
        Done(Ended.STOPPED, "w", "w.before[0] expired"),
    ),
    "paused": (replace(state(wave(2), running=("w1",)), paused=True), Wait("w", why="paused")),
    "paused before a gate": (replace(state(wave(1, before=(ASKED,))), paused=True), Wait("w", why="paused")),
    "paused with nothing left to begin": (replace(state(wave(1), w1=S), paused=True), Done(Ended.COMPLETED)),
    "aborted": (replace(state(wave(2), running=("w1",)), aborted=True), Wait("w", why="aborted")),
    "aborted and at rest": (replace(state(wave(2), w1=S), aborted=True), Done(Ended.ABORTED)),
    "aborted beats paused": (replace(state(wave(2)), aborted=True, paused=True), Done(Ended.ABORTED)),
}  # fmt: skip


@pytest.mark.parametrize(("at", "action"), STEPS.values(), ids=STEPS)
def test_the_next_action(at, action):
    assert next_action(at, NOW) == action


def test_a_soak_that_is_over_lets_the_next_wave_begin_and_a_regression_counts():
    first, second = wave(2, soak=600.0), wave(1, "x")
    over = replace(state(first, second, w1=S, w2=S), soaked=frozenset({"w"}))

    assert next_action(over, NOW) == Start("x", ("x1",))
    assert next_action(replace(over, statuses={"w1": S, "w2": F}), NOW) == Done(
        Ended.STOPPED, "w", "1 failed of 0 allowed"
    )


def test_sites_are_begun_inside_the_window_only():
    window = Window(opens="0 20 * * 6", length=timedelta(hours=8), timezone="Europe/Berlin")
    late = wave(2, window=window)
    saturday = datetime(2026, 11, 28, 19, tzinfo=UTC)

    assert next_action(state(late), NOW) == Wait("w", saturday, "the window is closed")
    assert next_action(state(late), saturday) == Start("w", ("w1",))
    assert next_action(state(late, w1=S), saturday + timedelta(hours=8)).until == saturday + timedelta(days=7)
    # What is under way goes on, and its end is the wave's.
    assert next_action(state(late, w1=S, w2=S), NOW) == Done(Ended.COMPLETED)


FLEET = f"""{HEAD}
rollout:
  maxConcurrency: 7
  waves:
    - {{name: canary, match: {{labels: {{ring: "0"}}}}, soak: 10m, after: [{{approval: {{}}}}]}}
    - {{name: prod, rest: true, maxConcurrency: 50%, maxFailures: 25%}}
sites:
""" + "".join(
    f"  - {{name: {name}, registry: acreu1, connectedRegistry: {name}plant, clusterIP: 10.0.0.1, "
    f"cluster: {{name: k-{name}, resourceGroup: rg}}, labels: {labels}{more}}}\n"
    for name, labels, more in (
        ("c", '{order: "2"}', ", parent: b"), ("b", '{order: "9"}', ""), ("d", "{}", ""), ("a", '{ring: "0"}', ""),
        ("e", '{order: "-1"}', ""),
    )
)  # fmt: skip


def made(**options) -> list[RunWave]:
    values = {"max_concurrency": None, "max_failures": None, "gated": True, "reverse": False, **options}
    return waves_of(load(FLEET, "f"), **values)


def test_the_waves_of_a_run_are_those_of_the_file_and_their_sites_in_order():
    canary, prod = made()

    assert (canary.sites, canary.max_concurrency, canary.max_failures, canary.soak) == (("a",), 7, 0, 600.0)
    assert len(canary.after) == 1
    # A parent before what is below it, then by the label order, then as the file has them.
    assert prod.sites == ("e", "d", "b", "c")
    assert (prod.max_concurrency, prod.max_failures, prod.strict) == ("50%", "25%", True)


def test_a_run_may_take_other_bounds_leave_gates_out_and_go_backwards():
    prod, canary = made(max_concurrency=1, max_failures=3, gated=False, reverse=True)

    assert (prod.sites, canary.sites) == (("c", "b", "d", "e"), ("a",))
    assert {(one.max_concurrency, one.max_failures) for one in (prod, canary)} == {(1, 3)}
    assert canary.after == ()


@pytest.mark.parametrize(("said", "bound"), [("", None), ("rollout: {maxFailures: 20%}\n", "20%")])
def test_a_fleet_without_waves_is_one(said, bound):
    fleet = load(FLEET[: FLEET.index("rollout:")] + said + FLEET[FLEET.index("sites:") :], "f")
    (only,) = waves_of(fleet, max_concurrency=None, max_failures=None, gated=True, reverse=False)

    assert (only.name, only.max_failures, only.max_concurrency) == ("all", bound, 10)
    assert only.sites == ("e", "d", "a", "b", "c")


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (WaveProgress("prod", 2, 3, 1, 4, 5), "wave 2 of 3 prod, 5 at a time, 1 of 4 failures allowed"),
        (WaveProgress("all", 1, 1, 0, None, 10), "wave 1 of 1 all, 10 at a time"),
        (WaveProgress("all", 1, 1, waiting="paused"), "wave 1 of 1 all: paused"),
    ],
)
def test_progress_reads_well(progress, words):
    assert str(progress) == words


@st.composite
def runs(draw):
    """Waves of any shape, what becomes of each site, and parents in the same or an earlier wave."""
    amounts = st.one_of(st.integers(0, 6), st.sampled_from(["0%", "10%", "34%", "50%", "100%"]))
    waves, before, parents, fates = [], [], {}, {}
    for number in range(draw(st.integers(1, 3))):
        made_wave = RunWave(
            f"w{number}", tuple(f"w{number}s{i}" for i in range(draw(st.integers(0, 9)))),
            draw(amounts.filter(lambda amount: amount != 0)), draw(st.one_of(st.none(), amounts)), draw(amounts),
            draw(st.booleans()), draw(st.sampled_from([0.0, 60.0])),
        )  # fmt: skip
        for name in made_wave.sites:
            fates[name] = draw(st.sampled_from([S, S, S, N, F, T, D, B]))
            if before and draw(st.booleans()):
                parents[name] = (draw(st.sampled_from(before)),)
            before.append(name)
        waves.append(made_wave)
    return waves, parents, fates, draw(st.randoms(use_true_random=False))


@given(runs())
@settings(max_examples=300, deadline=None)
def test_whatever_happens_a_run_keeps_its_promises(run):
    waves, parents, fates, chance = run
    at, started, failed_at_start = RunState(waves, parents), [], {one.name: 0 for one in waves}
    bounds: dict[str, int | None] = {}
    for _ in range(200):
        action = next_action(at, NOW)
        assert action == next_action(at, NOW)
        match action:
            case Done():
                break
            case Start(name, sites):
                mine = next(one for one in waves if one.name == name)
                bounds.setdefault(name, failures_allowed(at, mine))
                allowed = failures_allowed(at, mine)
                failed = sum(at.statuses.get(site) in COUNTED for site in mine.sites)
                assert allowed is None or failed <= allowed
                assert len(at.running) + len(sites) <= concurrency(at, mine)
                assert not set(sites) & ({*at.statuses} | at.running)
                assert all(at.statuses.get(above) in WELL for site in sites for above in parents.get(site, ()))
                started += sites
                at = replace(at, running=at.running | set(sites))
            case Block(site, by):
                assert at.statuses[by] not in WELL
                at = replace(at, statuses={**at.statuses, site: B})
            case Soak(name, _, sites):
                fallen = {site: F for site in sites if chance.random() < 0.1}
                failed_at_start[name] += len(fallen)
                at = replace(at, statuses={**at.statuses, **fallen}, soaked=at.soaked | {name})
            case Wait():
                ending = chance.choice(sorted(at.running))
                at = replace(at, statuses={**at.statuses, ending: fates[ending]}, running=at.running - {ending})
    assert isinstance(action, Done)
    assert not at.running
    assert len(started) == len(set(started))
    for one in waves:
        bound = bounds.get(one.name)
        failures = sum(at.statuses.get(site) in COUNTED for site in one.sites) - failed_at_start[one.name]
        assert not one.strict or bound is None or failures <= bound + 1
    if action.how is Ended.COMPLETED:
        assert {site for one in waves for site in one.sites} == set(at.statuses)
    assert all(status in WELL | COUNTED | LEFT_OUT for status in at.statuses.values())
