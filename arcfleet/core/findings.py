"""Finding: one judgement about one thing, with its reason, its evidence and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError


class Verdict(StrEnum):
    """How a thing stands. Only `FAILED` and `DEGRADED` are bad; `PROGRESSING` and `WAITING` end by themselves."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    WAITING = "waiting"
    DEGRADED = "degraded"
    FAILED = "failed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Grade(StrEnum):
    """How good the evidence is that an image has reached a site, the best first."""

    A = "A"
    """The site served this very digest, or its kubelet pulled it from there."""
    B = "B"
    """The connected registry announced a push of this digest."""
    C = "C"
    """The service reports a sync that succeeded after the push."""
    D = "D"
    """Mere contact since the push: nothing says that the image came with it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict about `subject`.

    `rule` names the rule that matched (E9, C11, P4); `message` is one line; `evidence` quotes the services; `remedy`
    is what a person does next, empty where nothing is to be done. `grade` says how good the evidence of a sync is.
    """

    verdict: Verdict
    reason: Reason
    subject: str
    message: str
    rule: str = ""
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    grade: Grade | None = None

    @property
    def settled(self) -> bool:
        """True when waiting longer would not change it."""
        return self.verdict in {Verdict.HEALTHY, Verdict.FAILED, Verdict.DEGRADED}

    @property
    def ok(self) -> bool:
        """True when the thing is as it should be."""
        return self.verdict is Verdict.HEALTHY

    def with_evidence(self, line: str) -> Finding:
        """Return the finding with one more line of evidence."""
        return replace(self, evidence=(*self.evidence, line))


def of_error(error: BaseException, subject: str) -> Finding:
    """Return the finding that an exception amounts to.

    An exception that is not ours is a defect of arcfleet: its type is named, its text is not, since foreign texts may
    carry anything.
    """
    if isinstance(error, FleetError):
        return Finding(Verdict.FAILED, error.reason, subject, error.message, error.rule, error.evidence, error.remedy)
    return Finding(
        Verdict.FAILED,
        Reason.INTERNAL,
        subject,
        f"unexpected {type(error).__name__} in arcfleet",
        remedy="its traceback is in the log of the task run in the Prefect UI: make ui",
    )
