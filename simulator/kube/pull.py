"""What a kubelet asks of a registry, and what it hears back.

The kubelet (`kubelet.py`) knows the image reference of a container and the pull secret of its pod. It does
not know registries: whoever builds the cluster hands it a function `pull(PullRequest) -> PullAnswer`, called
once for each attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Behaviour = Literal["run", "exit0", "crash"]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One attempt of one node to pull one image."""

    image: str
    """The reference as the pod spells it, for example `10.96.0.50/app/web:stable`."""
    host: str
    """The registry, `docker.io` when the reference names none."""
    repository: str
    reference: str
    """A tag, or a digest `sha256:…`."""
    username: str | None = None
    """From the pod's imagePullSecrets for this host; None without one."""
    password: str | None = None


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """The digest that was pulled, or the runtime's words for why it was not."""

    digest: str | None = None
    error: str | None = None
    behaviour: Behaviour = "run"
    """What the image's process does: stays up, ends with 0 at once (as hello-world), or ends with 1."""


Pull = Callable[[PullRequest], PullAnswer]
