"""Runs a module as `python -m` does, and ends it when standard input ends: with its parent, however that ends.

What the module started ends with it, as it is of the same process group: processes of this kind are started with
`processes.APART`.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE = 15.0
"""Seconds from the request to end until it is forced. A flow run needs some to tell how its sites stand."""


def main() -> None:
    """Run the module that the first argument names, with the other arguments."""
    del sys.argv[0]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    if sys.platform == "win32":
        os._exit(1)
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
