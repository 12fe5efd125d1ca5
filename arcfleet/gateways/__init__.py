"""Thin async adapters over the real SDKs: their models become facts, their errors become ours. No decisions.

`connect` is the composition root: the only place that knows which adapter fulfils which port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arcfleet.gateways.acr import AzureRegistries
from arcfleet.gateways.arc import AzureExtensions
from arcfleet.gateways.azure import AzureClients
from arcfleet.gateways.checks import HttpChecks
from arcfleet.gateways.clocks import ScaledClock
from arcfleet.gateways.images import RegistryImages
from arcfleet.gateways.kube import KubernetesSites
from arcfleet.gateways.no_journal import NoJournal
from arcfleet.gateways.passwords import Blocks, OwnPasswords
from arcfleet.gateways.site_registry import HttpSiteRegistries
from arcfleet.gateways.subscriptions import AzureSubscriptions
from arcfleet.ports import Gateways, Journal
from arcfleet.settings import Settings


@asynccontextmanager
async def connect(
    settings: Settings, journal: Journal | None = None, blocks: Blocks | None = None
) -> AsyncIterator[Gateways]:
    """Yield gateways made from settings, and close their connections afterwards.

    Nothing is sent before the first call of a gateway. Without a `journal` nothing that needs one can be done, and
    without `blocks` the passwords in Prefect's are not known.
    """
    clock = ScaledClock(settings.time_scale)
    clients = AzureClients(settings, clock)
    images = RegistryImages(clients, settings, clock)
    kubernetes = KubernetesSites(settings)
    try:
        yield Gateways(
            clock=clock,
            registries=AzureRegistries(clients, clock),
            extensions=AzureExtensions(clients, clock, usual=settings.install_usual),
            subscriptions=AzureSubscriptions(clients, clock),
            images=images,
            kubernetes=kubernetes,
            journal=journal or NoJournal(),
            passwords=OwnPasswords(blocks),
            site_registries=HttpSiteRegistries(settings),
            checks=HttpChecks(),
        )
    finally:
        await kubernetes.close()
        await images.close()
        await clients.close()
