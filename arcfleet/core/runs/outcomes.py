"""How a site ended, and the fleet: values computed from what the run itself holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from arcfleet.core.findings import Finding, Verdict, of_error
from arcfleet.core.planning import nesting
from arcfleet.core.planning.plan import Disposition, SitePlan, Step
from arcfleet.core.reasons import Reason

SCHEMA_VERSION = 1


class Status(StrEnum):
    """How a site ended."""

    SUCCEEDED = "succeeded"
    NOOP = "noop"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    DEFERRED = "deferred"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    """Begun, then left between two steps, as the run was aborted, its process ended, or it lost the fleet."""
    SKIPPED = "skipped"
    NOT_STARTED = "not_started"


WELL = frozenset({Status.SUCCEEDED, Status.NOOP})
COUNTED = frozenset({Status.FAILED, Status.TIMED_OUT})
"""What counts as a failure against `maxFailures`."""
LEFT_OUT = frozenset({Status.DEFERRED, Status.BLOCKED, Status.SKIPPED})
"""What a wave's shares are not counted of."""
_BY_REASON = {
    Reason.ABORTED: Status.CANCELLED,
    Reason.INTERRUPTED: Status.CANCELLED,
    Reason.LEASE_LOST: Status.CANCELLED,
    Reason.SERVER_LOST: Status.CANCELLED,
    Reason.SITE_DEADLINE: Status.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as it ran: how long and when, in seconds of the world, and how it ended."""

    step: Step
    seconds: float
    finding: Finding | None = None
    began: float = 0.0
    """Since the run began."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a site ended: `finding` is its deepest cause, None where all is well."""

    site: str
    status: Status
    seconds: float = 0.0
    finding: Finding | None = None
    steps: tuple[StepRecord, ...] = ()
    changes: tuple[str, ...] = ()
    images: tuple[Finding, ...] = ()
    """What is known of the way of each image to the site, with the grade of the evidence."""
    wave: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the site is as it should be."""
        return self.status in WELL

    def later(self, seconds: float) -> Outcome:
        """Return the outcome with its steps so much later in their run."""
        return replace(self, steps=tuple(replace(step, began=step.began + seconds) for step in self.steps))


class Ended(StrEnum):
    """How a run came to its end."""

    COMPLETED = "completed"
    """Every site was come to."""
    STOPPED = "stopped"
    """A wave failed, or nobody answered a gate."""
    REJECTED = "rejected"
    """A gate was answered with no."""
    ABORTED = "aborted"
    """Somebody, or the end of its process, put an end to it."""


def not_started(site: str, because: str) -> Outcome:
    """Return the outcome of a site that the run did not come to.

    Args:
        site: Its name.
        because: What ended the run before it.
    """
    finding = Finding(
        Verdict.WAITING,
        Reason.STOPPED,
        "run",
        f"not started: {because}",
        remedy="see what ended the run, then run it again",
    )
    return Outcome(site, Status.NOT_STARTED, finding=finding)


def skipped(site: str, by: str) -> Outcome:
    """Return the outcome of a site that somebody said to leave out."""
    finding = Finding(Verdict.WAITING, Reason.SKIPPED, "run", f"left out, as {by or 'somebody'} asked")
    return Outcome(site, Status.SKIPPED, finding=finding)


def regressed(outcome: Outcome, finding: Finding) -> Outcome:
    """Return the outcome of a site that did not stay well after its wave."""
    message = f"was well, then in its soak: {finding.message}"
    return replace(outcome, status=Status.FAILED, finding=replace(finding, verdict=Verdict.FAILED, message=message))


def below(site: str, parent: Outcome) -> Outcome:
    """Return the outcome of a site that was not begun, as its parent's is not as it should be."""
    finding = nesting.not_ready(parent.site, parent.status, parent.finding)
    return Outcome(site, Status.BLOCKED, finding=finding)


def above(site: str, child: Outcome) -> Outcome:
    """Return the outcome of a site that was not begun, as one below it was to come first and is not removed."""
    return Outcome(site, Status.BLOCKED, finding=nesting.in_the_way(child.site, child.status, child.finding))


@dataclass(slots=True)
class Trail:
    """What a site's run has done so far, kept apart from its result, so that a failure keeps its history."""

    site: str
    plan: SitePlan | None = None
    steps: list[StepRecord] = field(default_factory=list)
    images: dict[str, Finding] = field(default_factory=dict)
    """By image: the newest finding about its way to the site."""
    run_began: float = 0.0
    """When the run began, on the clock that its steps are timed by."""
    rest: float = 0.0
    """Seconds until the site's connected registry is to be in contact again, by its own schedule."""

    def saw(self, findings: Iterable[Finding]) -> None:
        """Note findings about images; a later one is the better one."""
        self.images |= {finding.subject: finding for finding in findings}

    def outcome(self, error: BaseException | None = None) -> Outcome:
        """Return the site's outcome; `error` is what ended the run early, if anything did."""
        if error is not None:
            at = self.steps[-1].step if self.steps else Step.OBSERVE
            finding = of_error(error, at)
            return self._outcome(_BY_REASON.get(finding.reason, Status.FAILED), finding)
        disposition = self.plan.disposition if self.plan else Disposition.NOOP
        status = {
            Disposition.NOOP: Status.NOOP,
            Disposition.DEFERRED: Status.DEFERRED,
            Disposition.BLOCKED: Status.BLOCKED,
        }.get(disposition, Status.SUCCEEDED)
        return self._outcome(status, self.plan.finding if self.plan else None)

    def _outcome(self, status: Status, finding: Finding | None) -> Outcome:
        seconds = sum(record.seconds for record in self.steps)
        because = self.plan.because if self.plan else ()
        return Outcome(self.site, status, seconds, finding, tuple(self.steps), because, tuple(self.images.values()))


class Result(StrEnum):
    """How a fleet ended. The exit codes of `arcfleet deploy` are documented in the README."""

    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"
    REJECTED = "rejected"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class GateRecord:
    """How a gate was answered."""

    gate: str
    """Its place, for example `canary.after[0]`."""
    answer: str
    at: datetime
    by: str = ""
    comment: str = ""
    plan: str = ""
    """Id of the plan that was answered."""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """All outcomes of a run."""

    fleet: str
    run: str
    seconds: float
    outcomes: tuple[Outcome, ...]
    path: str = "FLEET"
    """The fleet file, for the commands that a report names."""
    ended: Ended = Ended.COMPLETED
    because: str = ""
    """What ended the run before all sites were come to."""
    gates: tuple[GateRecord, ...] = ()
    command: str = "deploy"
    """Which of arcfleet's commands this was, with what is to be typed with it again."""
    began: datetime | None = None
    waves: tuple[str, ...] = ()
    """Their names, in the order in which the run took them."""
    page: str = ""
    """Where the report is kept as a page to open, once it is."""
    url: str = ""
    """The run in the Prefect UI; empty where no UI shows it."""

    @property
    def counts(self) -> Counter[Status]:
        """How many sites ended how."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def result(self) -> Result:
        """What ended the run early comes first, then failures; sites that were left out make a run incomplete."""
        counts = self.counts
        if self.ended is not Ended.COMPLETED and counts[Status.NOT_STARTED] + counts[Status.CANCELLED]:
            return Result(self.ended)
        if counts[Status.FAILED] + counts[Status.TIMED_OUT] + counts[Status.BLOCKED]:
            return Result.COMPLETED_WITH_FAILURES
        return Result.COMPLETED if all(outcome.is_well for outcome in self.outcomes) else Result.INCOMPLETE
