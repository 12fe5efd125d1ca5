"""Every error that arcfleet raises on purpose.

    FleetError
    ├── TransientError    trying again will probably help (throttled, unreachable, 5xx)
    │   └── OutcomeUnknownError   it may have been done: no usable answer to a request that is not to be repeated unseen
    └── PermanentError    a person must act; says what to do

The question behind the split is the only one that a caller ever asks: will trying again help?
Errors of the SDKs are translated once, in `arcfleet.gateways.translation`. Every class survives pickling,
since Prefect stores and reloads exceptions.
"""

from __future__ import annotations

from arcfleet.core.reasons import Reason


class FleetError(Exception):
    """Base of all errors raised by arcfleet.

    Args:
        reason: The stable code of what went wrong.
        message: What was observed, in one line, free of secrets.
        remedy: What the operator should do next; empty where only waiting helps.
        evidence: Codes, messages and times as the service gave them.
        rule: The verdict rule behind it, for example C11; empty where none was applied.
    """

    def __init__(
        self, reason: Reason, message: str, remedy: str = "", evidence: tuple[str, ...] = (), rule: str = ""
    ) -> None:
        super().__init__(reason, message, remedy, evidence, rule)
        self.reason = reason
        self.message = message
        self.remedy = remedy
        self.evidence = evidence
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class PermanentError(FleetError):
    """A person must act; trying the same again ends the same way."""


class TransientError(FleetError):
    """Trying again will probably help.

    `retry_after` is the wait in seconds that the service asked for, or None where it named none.
    """

    def __init__(  # noqa: PLR0917 - positional as its base has them, for pickling
        self,
        reason: Reason,
        message: str,
        remedy: str = "",
        evidence: tuple[str, ...] = (),
        rule: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason, message, remedy, evidence, rule)
        self.args = (reason, message, remedy, evidence, rule, retry_after)
        self.retry_after = retry_after


class OutcomeUnknownError(TransientError):
    """The answer to a request that must not be repeated unseen was lost: what it asked for may have been done."""


class ManifestError(Exception):
    """The fleet file can't be used. Carries every problem found, up to a number that a person can read.

    Args:
        problems: Lines of the form `fleet.yaml:14:16  sites[1].clusterIP  what is wrong`.
        more: How many more were found than are listed, at least.
    """

    def __init__(self, problems: tuple[str, ...], more: int = 0) -> None:
        super().__init__(problems, more)
        self.problems = problems
        self.more = more

    def __str__(self) -> str:
        rest = (f"… and at least {self.more:,} more",) if self.more else ()
        return "\n".join((*self.problems, *rest))
