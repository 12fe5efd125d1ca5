"""Addresses of the user's own that are asked at a gate."""

from __future__ import annotations

import httpx

from arcfleet.core.runs.rollout import CheckResult

TIMEOUT = 10.0
"""Seconds for one answer."""
LONGEST = 65_536
"""Bytes of an answer."""


class HttpChecks:
    """`ports.Checks` by HTTP GET. Redirects are not followed: the fleet file names the address that decides."""

    async def ask(self, url: str) -> CheckResult:
        """Return what an address says now: a JSON object with `result`, and `because` where it gives a reason."""
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT) as client, client.stream("GET", url) as response:
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LONGEST:
                        return CheckResult("inconclusive", "its answer is too long")
                return _read(response.status_code, httpx.Response(200, content=body))
        except httpx.HTTPError as error:
            return CheckResult("inconclusive", f"does not answer ({type(error).__name__})")


def _read(status: int, answer: httpx.Response) -> CheckResult:
    if status != httpx.codes.OK:
        return CheckResult("inconclusive", f"answers with status {status}")
    try:
        value = answer.json()
    except ValueError:
        return CheckResult("inconclusive", "its answer is no JSON")
    result = value.get("result") if isinstance(value, dict) else None
    if result not in {"pass", "fail", "inconclusive"}:
        return CheckResult("inconclusive", "its answer has no result of pass, fail or inconclusive")
    return CheckResult(result, str(value.get("because", ""))[:200])
