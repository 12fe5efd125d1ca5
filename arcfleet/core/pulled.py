"""Image references as pods spell them and as kubelets report them: `host/repository[:tag][@digest]`."""

from __future__ import annotations


def place_of(image: str) -> str:
    """Return host and repository, without a runtime's `docker-pullable://`, without tag and digest."""
    name = image.rpartition("://")[2].partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def digest_of(image: str) -> str:
    """Return the digest of a reference; empty where it names none."""
    return image.partition("@")[2]
