"""Scope map actions: what a token may do in a registry.

Source: azure-cli's connected_registry.py (permissions by mode, gateway actions) and its recorded requests. az
writes the names of connected registries in lower case; actions are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

PULL = ("content/read", "metadata/read")
PUSH = ("content/read", "content/write", "content/delete", "metadata/read", "metadata/write")
GATEWAY = ("config/read", "config/write", "message/read", "message/write")
SYSTEM = "_repositories_"
"""How the names of the scope maps begin that every registry has and nobody may change."""


def on_repositories(repositories: Iterable[str], permissions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions that grant each of the permissions on each of the repositories."""
    granted = tuple(permissions)
    return tuple(f"repositories/{name}/{permission}" for name in repositories for permission in granted)


def of_mode(repositories: Iterable[str], mode: str) -> tuple[str, ...]:
    """Return the actions on repositories that a connected registry needs in its mode."""
    return on_repositories(repositories, PUSH if mode.lower() == "readwrite" else PULL)


def of_gateway(connected_registry: str) -> tuple[str, ...]:
    """Return the actions by which a connected registry talks to the cloud, itself or through those above it."""
    return tuple(f"gateway/{connected_registry.lower()}/{permission}" for permission in GATEWAY)


def missing(wanted: Iterable[str], held: Collection[str]) -> tuple[str, ...]:
    """Return the wanted actions that are not held yet, each once, in their order."""
    have = {action.lower() for action in held}
    return tuple(dict.fromkeys(action for action in wanted if action.lower() not in have))


def show(actions: Iterable[str]) -> str:
    """Return what actions are about, for people: `app/web, gateway berlin1`."""
    subjects: dict[str, None] = {}
    for action in actions:
        kind, _, rest = action.partition("/")
        name = rest.rsplit("/", 2)[0]
        subjects[name if kind == "repositories" else f"{kind} {name}"] = None
    return ", ".join(subjects)
