"""Recorded answers of Azure and the simulator's, compared place by place."""

import fnmatch
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from simulator import Simulator

DATA = Path(__file__).parents[3] / "shared" / "data"
ARM = "https://management.azure.com"
TYPE = "microsoft.containerregistry.connectedregistry"
ZERO = "00000000-0000-0000-0000-000000000000"
MISSING = object()
# When these say something later than the clock, time has passed in the recording.
STAMPS = ("lastModifiedAt", "creationTime")

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?(Z|\+00:00)")
# Not the GUIDs of the data files' own that stand for a subscription.
_GUID = re.compile(r"(?!00000000-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}")
_PERSON = re.compile(r"[a-z]+@example\.com")


def read(name: str) -> Any:
    """Return a data file; skip the test where the data are not at hand."""
    path = DATA / name
    if not path.exists():
        pytest.skip("Azure's recorded traffic and examples are not at hand")
    return json.loads(path.read_text())


@dataclass(frozen=True)
class Difference:
    """Where an answer is not what was recorded; `route` is without names."""

    source: str
    route: str
    place: str
    recorded: str
    simulated: str


@dataclass(frozen=True)
class Meant:
    """A difference that is meant; `*` in any of its parts stands for anything."""

    source: str
    route: str
    place: str
    recorded: str
    simulated: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return all(
            fnmatch.fnmatchcase(getattr(difference, part), getattr(self, part).replace("[", "[[]"))
            for part in ("source", "route", "place", "recorded", "simulated")
        )


def report(found: dict[Difference, list[int]], meant: list[Meant]) -> str:
    """Return every difference that is not meant, and every meant one that is none any more."""
    lines = [
        f"{d.source} {seqs} {d.route}: {d.place}: recorded {d.recorded}, simulated {d.simulated}"
        for d, seqs in found.items()
        if not any(m.covers(d) for m in meant)
    ]
    gone = [f"no longer occurs: {m}" for m in meant if not any(m.covers(d) for d in found)]
    return "\n".join([*lines, *gone])


def form(value: Any) -> str:
    """Return what a value looks like: moments, GUIDs, passwords and people by their form, the rest as it is."""
    if not isinstance(value, str):
        return json.dumps(value)
    if match := _DATE.fullmatch(value):
        return f"moment {match[1]}"
    if _PASSWORD.fullmatch(value):
        return "password"
    if _PERSON.fullmatch(value):
        return "person"
    return repr(_GUID.sub("GUID", value))


def kind(value: Any) -> str:
    """Return a value's type alone."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return "moment"
    return {type(None): "null", bool: "bool", int: "number", float: "number"}.get(type(value), "text")


def differing(recorded: Any, simulated: Any, show: Any = form, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Walk over the places where two JSON values differ, with both sides."""
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        for key in recorded | simulated:
            below = f"{place}.{key}" if place else key
            yield from differing(recorded.get(key, MISSING), simulated.get(key, MISSING), show, below)
    elif isinstance(recorded, list) and isinstance(simulated, list) and len(recorded) == len(simulated):
        for index, (left, right) in enumerate(zip(recorded, simulated, strict=True)):
            yield from differing(left, right, show, f"{place}.{index}")
    elif (left := summary(recorded, show)) != (right := summary(simulated, show)):
        yield place, left, right


def summary(value: Any, show: Any) -> str:
    """Return a value in a word."""
    if value is MISSING:
        return "absent"
    if isinstance(value, dict):
        return "an object"
    return f"{len(value)} items" if isinstance(value, list) else show(value)


def headers(given: Any, base: str) -> dict[str, str]:
    """Return the headers of interest, by their forms; of a link's query the version, and the other names apart."""
    found = {}
    for name, value in given.items():
        place = f"header {name.lower()}"
        if name.lower() in ("azure-asyncoperation", "location", "operation-location"):
            url = urlsplit(value.replace(base, ARM))
            query = parse_qsl(url.query)
            version = [f"{key}={each}" for key, each in query if key.lower() == "api-version"]
            found[place] = _GUID.sub("GUID", f"{url.scheme}://{url.netloc}{url.path}?{'&'.join(version)}")
            found[f"{place}, signature"] = " ".join(key for key, _ in query if key.lower() != "api-version") or "absent"
        elif name.lower() in ("retry-after", "x-ms-async-operation-timeout") or "ratelimit" in name.lower():
            found[place] = "a number" if value.isdecimal() else value
    return found


def ordered(body: Any) -> Any:
    """Return a list of resources in the order of their ids: ARM's index promises none."""
    if isinstance(body, dict) and isinstance(body.get("value"), list):
        return body | {"value": sorted(body["value"], key=lambda item: item.get("id", "").lower())}
    return body


def route(method: str, path: str) -> str:
    """Name a request by its verb and the types in its path."""
    parts = [p for p in urlsplit(unquote(path)).path.split("/") if p]
    tail = parts[1 + max((i for i, p in enumerate(parts) if p.lower() == "providers"), default=-1) :]
    if parts[-2].lower() == "providers":
        return f"{method} providers"
    return " ".join([method, "/".join(tail[1::2]) if len(tail) < len(parts) else "/".join(parts[::2])])


def passed(exchange: dict[str, Any]) -> datetime | None:
    """Return the latest moment that an exchange is known to have happened at."""
    date = exchange["response_headers"].get("date")
    if date is not None:
        return parsedate_to_datetime(date)
    return max((datetime.fromisoformat(m) for m in _stamps(exchange["response_body"])), default=None)


def _stamps(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[key] for key in STAMPS if isinstance(value.get(key), str))
        for below in value.values():
            yield from _stamps(below)
    elif isinstance(value, list):
        for below in value:
            yield from _stamps(below)


class Replay:
    """Sends what was recorded to a simulator, with its own operations in place of Azure's."""

    def __init__(self, source: str, sim: Simulator, http: httpx.Client) -> None:
        self._source = source
        self._sim = sim
        self._http = http
        self._operations: dict[str, str] = {}
        self.found: dict[Difference, list[int]] = {}

    def play(self, exchange: dict[str, Any], wait: float = 0) -> None:
        """Let the simulator's time come to an exchange, send it, and note how the answers differ."""
        self._sim.step(wait)
        self._catch_up(passed(exchange))
        path = exchange["path_with_query"]
        answer = self._http.request(exchange["method"], self._own(path), json=exchange["request_body"])
        for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
            assert _GUID.fullmatch(answer.headers[name]), f"{name} of {exchange['seq']}"
        body = answer.json() if answer.content else None
        self._learn(exchange["response_headers"], answer)
        pairs = [
            *differing(exchange["status"], answer.status_code, place="HTTP status"),
            *differing(
                headers(exchange["response_headers"], self._sim.url), headers(answer.headers, self._sim.url), str
            ),
            *differing(ordered(exchange["response_body"]), ordered(body)),
        ]
        self._note(route(exchange["method"], path), exchange["seq"], pairs)

    def end(self) -> None:
        """Note requests for which the simulator had no route."""
        self._note("any", -1, differing(0, self._sim.counters()["unknownRoutes"], place="unknown routes"))

    def _note(self, name: str, seq: int, pairs: Iterable[tuple[str, str, str]]) -> None:
        for place, recorded, simulated in pairs:
            self.found.setdefault(Difference(self._source, name, place, recorded, simulated), []).append(seq)

    def _catch_up(self, moment: datetime | None) -> None:
        if moment is None:
            return
        missing = (moment - datetime.fromisoformat(self._sim.get("/time")["time"])).total_seconds()
        if missing > 0:
            self._sim.step(missing)

    def _own(self, path: str) -> str:
        for theirs, ours in self._operations.items():
            if theirs in path:
                return ours
        return path

    def _learn(self, recorded: dict[str, str], answer: httpx.Response) -> None:
        theirs, ours = recorded.get("Azure-AsyncOperation"), answer.headers.get("Azure-AsyncOperation")
        if theirs and ours:
            self._operations[urlsplit(theirs).path] = ours.removeprefix(self._sim.url)
