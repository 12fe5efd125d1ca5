"""Looks for passwords wherever a run could have left them: files, databases, processes."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

Places = Mapping[str, bytes]
PAUSE = 0.1
"""Seconds between two looks at processes and temporary files."""


def disguises(password: str) -> Iterator[bytes]:
    """Yield a password as it may lie in a file: plain, URL-encoded, inside base64, and inside base64 of base64.

    A pull secret is the last: `data` holds base64 of JSON, whose `auth` is base64 of `user:password`.
    """
    yield password.encode()
    yield quote(password, safe="").encode()
    for once in _inside_base64(password.encode()):
        yield once
        yield from _inside_base64(once)


def _inside_base64(text: bytes) -> Iterator[bytes]:
    """Yield what stands in base64 of something that holds `text`, at each of the three offsets, in both alphabets."""
    for offset in range(3):
        # The first and last characters depend on what stands beside it.
        encoded = base64.b64encode(b"\0" * offset + text)[4:-4]
        yield encoded
        if b"+" in encoded or b"/" in encoded:
            yield encoded.translate(bytes.maketrans(b"+/", b"-_"))


def hits(places: Places, passwords: Iterable[str]) -> set[str]:
    """Return the names of the places that hold one of the passwords in any disguise."""
    wanted = [form for password in passwords for form in disguises(password)]
    return {name for name, content in places.items() if any(form in content for form in wanted)}


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder; of a SQLite database every row too, which may span pages."""
    found = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name in [name for name, content in found.items() if content.startswith(b"SQLite format 3")]:
        with contextlib.closing(sqlite3.connect(name)) as database:
            found[f"{name} rows"] = "\n".join(database.iterdump()).encode()
    return found


class Watch:
    """Keeps, while it is entered, what can be seen of the processes that belong to a home, and of temporary files.

    Args:
        home: A process belongs to it that has it in its environment.
        temporary: The folder of temporary files.
    """

    def __init__(self, home: Path, temporary: Path) -> None:
        self._home, self._temporary = str(home).encode(), temporary
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: dict[str, bytes] = {}

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def processes(self) -> dict[str, bytes]:
        """Return command line and environment of the processes of the home that run now."""
        found: dict[str, bytes] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            # A process may end between two looks.
            with contextlib.suppress(OSError):
                environment = (folder / "environ").read_bytes()
                if self._home in environment:
                    found[f"{folder}/environ"] = environment
                    found[f"{folder}/cmdline"] = (folder / "cmdline").read_bytes()
        return found

    def _run(self) -> None:
        while not self._ended.wait(PAUSE):
            for name, content in (self.processes() | self._files()).items():
                # What a name stood for before is kept too: files and environments may change.
                before = self.seen.get(name, b"")
                if content not in before:
                    self.seen[name] = before + content

    def _files(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for path in self._temporary.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file():
                    found[str(path)] = path.read_bytes()
        return found
