"""`python -m simulator`: print one JSON line about the running simulator, and stay up until a signal."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from simulator.loader import WorldError
from simulator.running import start


def main() -> int:
    """Run until SIGINT or SIGTERM; return 0, or 2 when the world is impossible."""
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--tls", action="store_true", help="serve https with a certificate made at start")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds in a real second")
    parser.add_argument("--manual", action="store_true", help="time moves only by POST /control/step")
    parser.add_argument("--world", metavar="FILE", help="JSON of the world; - reads standard input")
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input ends; a world there is its first line"
    )
    options = parser.parse_args()
    try:
        asyncio.run(_serve(options))
    except (WorldError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(options: argparse.Namespace) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not the loop's own handlers, which Windows does not have.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    world = _world(options)
    if options.until_eof:
        threading.Thread(target=_end_with_input, args=(loop, stop), daemon=True).start()
    run = await start(world, port=options.port, speed=options.speed, manual=options.manual, tls=options.tls)
    sys.stdout.write(json.dumps(run.description()) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await run.stop()


def _end_with_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when the process at the other end of standard input is gone, however it went."""
    sys.stdin.read()
    with contextlib.suppress(RuntimeError):  # The loop may have ended before the input.
        loop.call_soon_threadsafe(stop.set)


def _world(options: argparse.Namespace) -> dict[str, Any]:
    if options.world is None:
        return {}
    if options.world != "-":
        text = Path(options.world).read_text()
    else:
        text = sys.stdin.readline() if options.until_eof else sys.stdin.read()
    world: dict[str, Any] = json.loads(text)
    return world


if __name__ == "__main__":
    sys.exit(main())
