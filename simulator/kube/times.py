"""Times as Kubernetes writes them."""

from datetime import datetime


def stamp(when: datetime) -> str:
    """Return a metav1.Time: whole seconds and a Z."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro(when: datetime) -> str:
    """Return a metav1.MicroTime."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """Return the moment that a metav1.Time or MicroTime names."""
    return datetime.fromisoformat(text)
