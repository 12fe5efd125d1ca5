"""The server's version and what depends on it."""

from dataclasses import dataclass

from simulator.kube.store import Object


@dataclass(frozen=True, slots=True)
class Version:
    """The server's version, `1.36.2`."""

    text: str

    @property
    def minor(self) -> int:
        """Return the minor version's number."""
        return int(self.text.split(".")[1])

    def answer(self) -> Object:
        """Return the answer of /version (capture 200_version)."""
        body = {"major": "1", "minor": str(self.minor)}
        if self.minor >= 33:
            body |= {"emulationMajor": "1", "emulationMinor": str(self.minor)}
            body |= {"minCompatibilityMajor": "1", "minCompatibilityMinor": str(self.minor - 1)}
        return body | {
            "gitVersion": f"v{self.text}",
            "gitCommit": "8e16b12fda5b1dccc41a6de48b3e356cc7d5048b",
            "gitTreeState": "clean",
            "buildDate": "2026-08-21T00:00:00Z",
            "goVersion": "go1.26.5",
            "compiler": "gc",
            "platform": "linux/amd64",
        }

    @property
    def counts_terminating(self) -> bool:
        """Return whether statuses count terminating pods: seen with 1.36, not with 1.32; the gate came on in 1.35."""
        return self.minor >= 35
