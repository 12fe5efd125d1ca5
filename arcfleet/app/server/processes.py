"""How the processes that accompany a command are started."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

APART: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"start_new_session": True}
)
"""Options that keep Ctrl-C to the command itself: what accompanies it must outlive it to be told of its end."""
