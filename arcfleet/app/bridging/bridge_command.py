"""`arcfleet bridge`: what it goes by, read anew while it runs, and its server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from rich.console import Console

from arcfleet.app import loading
from arcfleet.app.bridging.bridge import HEADER, LOG, Known, Receiver, application
from arcfleet.app.bridging.bridge_sender import Sender
from arcfleet.app.bridging.outbox import Outbox
from arcfleet.core.counts import some
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import FleetError, ManifestError, PermanentError
from arcfleet.gateways.entra import EventGridTokens, Trust
from arcfleet.gateways.passwords import Use, of_environment, of_file
from arcfleet.settings import ENTRA, Settings, is_loopback
from tasks import passwords

REFRESH = 60.0
"""Seconds between looks at the fleet's files and at the secrets."""
SHORTEST = 16
"""Characters of a secret."""
MOST_SECRETS = 2
"""The new one and the old one, while senders are changed over."""
DEFAULT_SOURCE = "env:ARCFLEET_BRIDGE_SECRET"
USE = Use("the bridge's secret", Reason.BRIDGE_SECRET)
KINDS = ("env", "file", "block")
TENANT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PREFECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was given.

    Attributes:
        secrets: Where the secrets are: `env:NAME`, `file:PATH`, `block:NAME`; none where Event Grid's tokens will do.
        listen: The address to listen at.
        quiet: Seconds without a push to a repository until Prefect is told.
        longest: Seconds after which it is told in any case.
    """

    fleet: Path
    secrets: tuple[str, ...]
    listen: str
    port: int
    quiet: float
    longest: float
    outbox: Path
    trust: Trust | None = None


def trusted(tenant: str | None, audience: str | None, authority: str | None) -> Trust | None:
    """Return whose tokens are believed; None where none are.

    Args:
        tenant: The tenant's id.
        audience: The id or URI of the bridge's application.
        authority: The address that signs in, where it is not the cloud's own.

    Raises:
        ManifestError: With every problem.
    """
    if not (tenant or audience or authority):
        return None
    own, issuer = ENTRA[Settings().cloud]
    address = (authority or own).rstrip("/")
    problems = []
    if not TENANT.fullmatch(tenant or ""):
        problems.append("--entra-tenant  give the tenant's id, a GUID: az account show --query tenantId")
    if not audience:
        problems.append(
            "--entra-audience  give the id of the application that the event subscription names, or its URI"
        )
    if not address.startswith("https://") and not is_loopback(address):
        problems.append("--entra-authority  must be https, or a loopback address")
    if problems:
        raise ManifestError(tuple(problems))
    return Trust(str(tenant).lower(), str(audience), address, issuer)


def check_sources(texts: Sequence[str], *, least: int = 1) -> None:
    """Refuse what names no source of a secret, or fewer than must be.

    Raises:
        ManifestError: With every problem.
    """
    problems = [
        "--secret  write env:NAME, file:PATH or block:NAME; never the secret itself"
        for kind, colon, name in (text.partition(":") for text in texts)
        if kind not in KINDS or not colon or not name
    ]
    if not least <= len(texts) <= MOST_SECRETS:
        problems.append(f"--secret  give one, or two during a rotation, not {len(texts)}")
    if problems:
        raise ManifestError(tuple(problems))


async def read_secrets(texts: Sequence[str]) -> tuple[Secret, ...]:
    """Return the secrets that the sources hold now.

    Raises:
        PermanentError: One can't be read, or is too short to be one.
    """
    found = []
    for text in texts:
        kind, _, name = text.partition(":")
        if kind == "block":
            secret = await passwords.block(name, USE)
        else:
            secret = of_environment(name, USE) if kind == "env" else of_file(name, USE)
        if len(secret.reveal()) < SHORTEST:
            remedy = f"make one of {SHORTEST} characters or more, for example: openssl rand -hex 32"
            raise PermanentError(Reason.BRIDGE_SECRET, f"{kind}:{name} is too short for a secret", remedy)
        found.append(secret)
    return tuple(found)


async def run(options: Options) -> None:
    """Run the bridge until it is stopped.

    Raises:
        ManifestError: The fleet can't be used.
        FleetError: A secret can't be read, or somebody else listens at the address.
    """
    known = await _read(options)
    options.outbox.parent.mkdir(parents=True, exist_ok=True)
    outbox = Outbox(options.outbox)
    place = listening(options)
    tokens = EventGridTokens(options.trust) if options.trust else None
    try:
        if tokens:
            await tokens.read()
        async with prefect_client() as client:
            sender = Sender(outbox, client, known.fleet.name, quiet=options.quiet, longest=options.longest)
            await sender.once()
            await serve(options, Receiver(known, outbox, sender, tokens), place)
    finally:
        place.close()
        outbox.close()


@contextlib.asynccontextmanager
async def prefect_client() -> AsyncIterator[PrefectClient]:
    """Open a client that says at once when Prefect does not answer: it is the sender who tries again."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        async with get_client(httpx_settings={"timeout": PREFECT_TIMEOUT}) as client:
            yield client


def listening(options: Options) -> socket.socket:
    """Return a socket that listens at the address.

    Raises:
        PermanentError: It can't be had.
    """
    family = socket.AF_INET6 if ":" in options.listen else socket.AF_INET
    try:
        return socket.create_server((options.listen, options.port), family=family, backlog=2048)
    except OSError as error:
        remedy = "end what listens there, or choose another --port or --listen"
        message = f"can't listen at {options.listen}, port {options.port}: {os.strerror(error.errno or 0)}"
        raise PermanentError(Reason.CONFLICT, message, remedy) from None


async def serve(options: Options, receiver: Receiver, place: socket.socket) -> None:
    """Serve and send until the process is told to end, or one of the two can't go on: its error is raised then."""
    # As in prefect_server: without it each answer takes 40 ms longer.
    place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        application(receiver),
        log_config=None,
        # Its lines would hold the query, and with it the secret.
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=500,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)

    def leave(_task: asyncio.Task[None]) -> None:
        server.should_exit = True

    working = [receiver.sender.run(), refresh(options, receiver.known)]
    if receiver.tokens:
        working.append(receiver.tokens.keep())
    beside = [asyncio.create_task(work) for work in working]
    for task in beside:
        # A bridge that can't send any more must not go on to say that all is well.
        task.add_done_callback(leave)
    _greet(options, receiver)
    try:
        await server.serve([place])
    finally:
        for task in beside:
            task.cancel()
        ended = await asyncio.gather(*beside, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _greet(options: Options, receiver: Receiver) -> None:
    fleet = receiver.known.fleet
    registries = sorted({site.registry for site in fleet.sites})
    LOG.info("listening at http://%s:%d/push for pushes to %s", options.listen, options.port, ", ".join(registries))
    if options.secrets:
        LOG.info("senders give the secret in the header %s, or as ?code= of the address", HEADER.title())
    if options.trust:
        LOG.info("Event Grid gives a token of tenant %s for %s", options.trust.tenant, options.trust.audience)
    waiting, _ = receiver.outbox.waiting()
    if waiting:
        pushed = some(waiting, "repository was", "repositories were")
        LOG.info("%s pushed to before this start, and Prefect is told of it now", pushed)


async def _read(options: Options) -> Known:
    fleet = await asyncio.to_thread(loading.load, options.fleet, None, None, None)
    return Known(fleet, await read_secrets(options.secrets))


async def refresh(options: Options, known: Known) -> None:
    """Read fleet and secrets anew for ever; what can't be read leaves those that are known."""
    while True:
        await asyncio.sleep(REFRESH)
        try:
            now = await _read(options)
        except (ManifestError, FleetError) as error:
            LOG.error("what was known stays in use, since it can't be read anew: %s", error)
        else:
            known.fleet, known.secrets = now.fleet, now.secrets


def start_log() -> None:
    """Write the bridge's log to standard error, with UTC times."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Utc("%(asctime)sZ  %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S"))
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    LOG.handlers = [handler]


class _Utc(logging.Formatter):
    converter = staticmethod(time.gmtime)


def main(console: Console, options: Options, server: str) -> int:
    """Run the bridge from the command line.

    Args:
        console: Where its first words go; its log goes to standard error.
        options: What the command was given.
        server: The Prefect server's address.
    """
    check_sources(options.secrets, least=0 if options.trust else 1)
    start_log()
    console.print(f"Prefect: {server}", markup=False)
    if not is_loopback(f"http://{options.listen}"):
        console.print(
            f"warning: {options.listen} can be reached from other machines, and this is plain http. Put a proxy that "
            "speaks TLS in front: the secret can be read on the way",
            style="bold",
            markup=False,
        )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(options))
    return 0
