"""S rules: whether an image of the cloud registry has reached the site, graded by the evidence.

Grades: A, the site served this digest; B, it announced a push; C, the service reports a successful sync after the
push; D, mere contact since, which is never called a sync. Sources: scope map actions (az acr connected-registry
permissions), registrySyncResult of the preview API, messageTtl of the sync properties.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from arcfleet.core.durations import iso8601
from arcfleet.core.facts import ConnectedRegistryFacts
from arcfleet.core.findings import Finding, Grade, Verdict
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import next_sync, rests_between_syncs, synced_since
from arcfleet.core.sync.arrivals import Answer, Arrival, Served

Scope = tuple[str, Collection[str]]
"""A connected registry's name, and the actions of its sync scope map."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What an image's arrival is judged by besides its own evidence.

    `now` is the service's time; `since` when our own change was accepted, which contact must be later than, None where
    any contact will do; `registry` is the cloud registry's name.
    """

    registry: str
    now: datetime
    since: datetime | None = None


def judge(arrival: Arrival, cr: ConnectedRegistryFacts, sought: Sought, scopes: Sequence[Scope] = ()) -> Finding:
    """Return the finding about an image's arrival at a site: the first S rule that matches.

    Args:
        arrival: What is known about the image.
        cr: The connected registry as ARM shows it.
        sought: What is asked.
        scopes: Its sync scope map, and those of the registries above it; none where they were not read.
    """
    subject = f"sync {arrival.image}"
    if arrival.digest is None:
        return Finding(
            Verdict.FAILED, Reason.NOT_IN_CLOUD, subject, f"image {arrival.image} is not in registry {sought.registry}",
            "S1", remedy="push the image, or correct the workload's image",
        )  # fmt: skip
    for name, actions in scopes:
        if not in_scope(arrival.image.repository, actions):
            return out_of_scope(arrival.image, name, actions, sought.registry)
    if arrival.site:
        return by_the_site(arrival, arrival.site)
    return _by_azure(arrival, cr, sought, subject)


def in_scope(repository: str, actions: Collection[str]) -> bool:
    """Tell whether a sync scope map lets a repository through. Action names are compared in lower case."""
    wanted = f"repositories/{repository}/content/read"
    return wanted in {action.lower() for action in actions}


def out_of_scope(image: ImageRef, cr: str, actions: Collection[str], registry: str) -> Finding:
    """Return the finding about an image that can't arrive, as a connected registry may not have its repository (S2)."""
    listed = sorted(action.split("/", 1)[1].removesuffix("/content/read") for action in actions
                    if action.startswith("repositories/") and action.endswith("/content/read"))  # fmt: skip
    return Finding(
        Verdict.FAILED, Reason.NOT_IN_SCOPE, f"sync {image}",
        f"repository {image.repository} is not in the sync scope map of connected registry {cr}: it will never "
        "arrive", "S2", (f"scope map holds {', '.join(listed) or 'no repository'}",),
        f"az acr connected-registry permissions update --registry {registry} --name {cr} --add {image.repository}",
    )  # fmt: skip


def by_the_site(arrival: Arrival, answer: Answer) -> Finding:
    """Return what a site's own answer says (S3 to S6): the best evidence there is, for and against."""
    subject = f"sync {arrival.image}"
    evidence = (answer.heard,) if answer.heard else ()
    if answer.served is Served.REFUSED:
        return Finding(
            Verdict.UNKNOWN, Reason.CLIENT_TOKEN, subject, "the site's registry refuses to say", "S6", evidence,
            "a pull problem, no sync problem: look at the client token",
        )  # fmt: skip
    if answer.served is Served.MISSING:
        message = "the site's registry does not have it yet"
        return Finding(Verdict.PROGRESSING, Reason.IMAGE_NOT_ON_SITE, subject, message, "S5", evidence)
    if answer.digest == arrival.digest:
        message = "the site served this digest"
        return Finding(Verdict.HEALTHY, Reason.OK, subject, message, "S3", evidence, grade=Grade.A)
    message = f"the site serves {answer.digest}, the cloud has {arrival.digest}"
    return Finding(Verdict.PROGRESSING, Reason.STALE, subject, message, "S4", evidence, grade=Grade.A)


def _by_azure(arrival: Arrival, cr: ConnectedRegistryFacts, sought: Sought, subject: str) -> Finding:
    """S7 to S12: what Azure shows of the registry's syncs. Contact alone counts only where no sync is known to fail."""
    return (
        _announced(arrival, cr, sought, subject)
        or _state(cr, sought, subject)
        or _contact(arrival, cr, sought, subject)
        or _pending(cr, sought, subject)
    )


def is_by_azure(finding: Finding) -> bool:
    """Tell whether a finding goes by what Azure shows only, so that an announcement would be better evidence."""
    return finding.rule in {"S7", "S8", "S9", "S10", "S11", "S12"} and finding.grade in {None, Grade.D}


def _announced(arrival: Arrival, cr: ConnectedRegistryFacts, sought: Sought, subject: str) -> Finding | None:
    said = arrival.notified
    # What was announced before our change may have gone with a reinstallation.
    if said and said.digest == arrival.digest and (sought.since is None or said.at > sought.since):
        return Finding(Verdict.HEALTHY, Reason.OK, subject, "the site announced its push", "S7", grade=Grade.B)
    moment = max((time for time in (arrival.pushed, sought.since) if time), default=None)
    ended = cr.last_successful_sync
    if (cr.sync_state or "").lower() == "succeeded" and moment and ended and ended > moment:
        message = f"a sync succeeded at {ended:%H:%MZ}, after the push"
        return Finding(Verdict.HEALTHY, Reason.OK, subject, message, "S7", grade=Grade.C)
    return None


def _state(cr: ConnectedRegistryFacts, sought: Sought, subject: str) -> Finding | None:
    state = (cr.sync_state or "").lower()
    if state in {"failed", "timedout"}:
        return Finding(
            Verdict.DEGRADED, Reason.SYNC_FAILED, subject, f"the last sync {cr.sync_state}", "S8",
            remedy=_resync(cr, sought),
        )  # fmt: skip
    if state == "notactivated":
        return Finding(Verdict.PROGRESSING, Reason.NEVER_ACTIVATED, subject, "not activated yet", "S9")
    return None


def after_resync(finding: Finding, cr: ConnectedRegistryFacts, asked: datetime) -> Finding:
    """Return the finding about a failed sync (S8) once a resync was asked for: failed only if a later one failed too.

    Args:
        finding: What S8 says of the connected registry as it is now.
        cr: The connected registry.
        asked: When the resync was accepted, by the service's clock.
    """
    if cr.sync_ended is None or cr.sync_ended <= asked:
        message = f"{finding.message}; a resync was asked for at {asked:%H:%MZ}"
        return replace(finding, verdict=Verdict.PROGRESSING, message=message)
    message = f"{finding.message}, and so did the resync that was asked for at {asked:%H:%MZ}"
    return replace(finding, verdict=Verdict.FAILED, message=message)


def _contact(arrival: Arrival, cr: ConnectedRegistryFacts, sought: Sought, subject: str) -> Finding | None:
    contact = cr.last_sync is not None and (sought.since is None or cr.last_sync >= sought.since)
    if not contact or (arrival.pushed and not synced_since(cr, arrival.pushed)):
        return None
    message = "contact since the push" if arrival.pushed else "contact; when it was pushed is not known"
    return Finding(Verdict.HEALTHY, Reason.OK, subject, message, "S7", grade=Grade.D)


def _pending(cr: ConnectedRegistryFacts, sought: Sought, subject: str) -> Finding:
    if rests_between_syncs(cr, sought.now):
        message = f"waiting for the window that opens at {next_sync(cr, sought.now):%Y-%m-%d %H:%MZ}"
        return Finding(Verdict.WAITING, Reason.SCHEDULED_GAP, subject, message, "S10")
    # Whatever was just installed begins with a full sync; it needs no messages of the past.
    if cr.message_ttl and cr.last_sync and sought.since is None and sought.now - cr.last_sync > cr.message_ttl:
        return Finding(
            Verdict.FAILED, Reason.MESSAGES_EXPIRED, subject,
            f"no sync since {cr.last_sync:%Y-%m-%d %H:%MZ}, longer than messages are kept ({iso8601(cr.message_ttl)})",
            "S11", remedy=_resync(cr, sought),
        )  # fmt: skip
    return Finding(Verdict.PROGRESSING, Reason.SYNC_PENDING, subject, "no sync since the push or our change", "S12")


def _resync(cr: ConnectedRegistryFacts, sought: Sought) -> str:
    return f"az acr connected-registry resync --registry {sought.registry} --name {cr.name}"
