"""What one look does not decide: errors must last before they are failures, health before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from arcfleet.core.facts import WorkloadFacts
from arcfleet.core.findings import Finding, Verdict

LASTING: Mapping[str, float] = {"P5": 75.0, "P6": 75.0, "P7": 75.0, "P8": 75.0, "P13": 10.0}
"""Rules of errors that waiting does not cure -> seconds for which they must last before they are failures.

Pull errors: a password that replaced another needs a minute until it is known, and a node's trust in the registry is
distributed after the registry is in contact. P13: right after an apply the deadline of the rollout before it is still
shown.
"""


@dataclass(slots=True)
class Suspicion:
    """Remembers since when a lasting error is seen, so that only one which stays becomes a failure."""

    rule: str = ""
    since: float = 0.0

    def confirm(self, finding: Finding, now: float) -> Finding:
        """Return the finding; as a failure only where the same lasting error was first seen long enough ago.

        Args:
            finding: What the present look found.
            now: Seconds of a clock that only grows.
        """
        needed = LASTING.get(finding.rule)
        if needed is None:
            # Between two tries of a pull the kubelet shows nothing; that is no sign of recovery.
            if finding.ok:
                self.rule = ""
            return finding
        if finding.rule != self.rule:
            self.rule, self.since = finding.rule, now
        lasted = now - self.since >= needed
        return replace(finding, verdict=Verdict.FAILED if lasted else Verdict.PROGRESSING)


@dataclass(slots=True)
class Steadiness:
    """Lets a workload that was just applied be healthy only once it has stayed so.

    A container that exits at once is available for a moment, and its Deployment says so.
    """

    needed: float = 10.0
    since: float | None = None
    restarts: int = 0

    def confirm(self, finding: Finding, workload: WorkloadFacts | None, now: float) -> Finding:
        """Return the finding; progressing still where it is healthy for less than the seconds needed.

        Args:
            finding: What the present look found.
            workload: What it looked at.
            now: Seconds of a clock that only grows.
        """
        if not finding.ok or workload is None:
            self.since = None
            return finding
        restarts = restarted(workload)
        if self.since is None or restarts != self.restarts:
            self.since, self.restarts = now, restarts
        if now - self.since >= self.needed:
            return finding
        return replace(
            finding, verdict=Verdict.PROGRESSING, message=f"{finding.message}, watched for {self.needed:.0f} s"
        )


def restarted(workload: WorkloadFacts | None) -> int:
    """Return how often the containers of a workload's pods were restarted."""
    return sum(container.restarts for pod in workload.pods for container in pod.containers) if workload else 0
