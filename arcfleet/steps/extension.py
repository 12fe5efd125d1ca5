"""The extension: create or update it with its protected settings, and wait until it has settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from arcfleet import waiting
from arcfleet.core import polling
from arcfleet.core.commands import addressed
from arcfleet.core.facts import ExtensionFacts, SiteFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords import connection_strings
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.passwords.journal import Phase
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.verdicts import extension as rules
from arcfleet.errors import PermanentError, TransientError
from arcfleet.ports import Gateways
from arcfleet.steps import credentials, diagnosis

SHORT = 60.0
"""Seconds that an operation usually takes still when it is found under way."""
OnChange = Callable[[Finding | str], None]


async def install(
    gateways: Gateways, site: Site, facts: SiteFacts, credential: Credential, on_change: OnChange
) -> datetime:
    """Create or update the extension, and return once it is healthy.

    Returns:
        The service's time that evidence of contact must be later than: before a creation, after an update, during
        which the old instance may still be in contact.

    Raises:
        PermanentError: The connection string is malformed, or the installation failed, or did not end within
            `timeouts.extension`.
    """
    connection_strings.check(credential.connection_string, facts.connected_registry.name)
    began = await gateways.registries.service_time()
    exists = facts.extension is not None
    await credentials.note(gateways, credential, Phase.DELIVERING)
    apply = _apply(gateways, site, credential.connection_string, exists=exists, began=began, on_change=on_change)
    extension = await diagnosis.deepest_of_install(gateways, site, apply)
    if rules.judge(extension, facts.cluster, changed_at=began).verdict is Verdict.PROGRESSING:
        extension = await settle(gateways, site, on_change, changed_at=began)
    finding = rules.judge(extension, facts.cluster, changed_at=began)
    if finding.verdict is Verdict.ABSENT:
        raise PermanentError(Reason.DELETE_IN_PROGRESS, "extension: somebody deleted it meanwhile", "deploy again")
    if not finding.ok:
        raise waiting.as_error(addressed(finding, site))
    await credentials.note(gateways, credential, Phase.DELIVERED)
    return await gateways.registries.service_time() if exists else began


async def _apply(
    gateways: Gateways, site: Site, connection_string: Secret, *, exists: bool, began: datetime, on_change: OnChange
) -> ExtensionFacts | None:
    """Send the change and follow it; where an answer is lost, look whether it was taken, before anything is resent."""
    try:
        return await gateways.extensions.apply(site, connection_string, exists=exists, on_status=on_change)
    except TransientError:
        found = await settle(gateways, site, on_change)
        if found is None or found.last_modified is None or found.last_modified < began:
            raise
        return found


async def settle(
    gateways: Gateways, site: Site, on_change: OnChange, *, changed_at: datetime | None = None
) -> ExtensionFacts | None:
    """Wait until no operation is under way on the extension, and return it: healthy, failed, or gone (None).

    Args:
        gateways: The outside world.
        site: The site.
        on_change: Told what is waited for.
        changed_at: When our own change was sent; what is older is not its end.

    Raises:
        PermanentError: It is still in progress after `timeouts.extension`.
    """
    seen: list[ExtensionFacts | None] = []

    async def look() -> Finding:
        extension = await gateways.extensions.extension(site)
        seen.append(extension)
        cluster = await gateways.extensions.cluster(site)
        now = await gateways.registries.service_time()
        finding = rules.judge(extension, cluster, changed_at=changed_at, now=now)
        # Settled is all that is asked here; what a failed or absent extension means, the next plan says.
        settled = finding.settled or finding.verdict is Verdict.ABSENT
        return replace(finding, verdict=Verdict.HEALTHY) if settled else finding

    wait = waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=site.timeouts.extension.total_seconds(),
        delay=lambda elapsed: polling.next_delay(elapsed, SHORT),
        on_change=on_change,
    )
    await diagnosis.deepest(gateways, site, wait)
    return seen[-1]
