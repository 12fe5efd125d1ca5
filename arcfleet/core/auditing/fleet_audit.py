"""The audit of a fleet, and how people and machines read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arcfleet.core.auditing.audit import SiteAudit, when
from arcfleet.core.counts import some
from arcfleet.core.differences import MISSING, Difference
from arcfleet.core.reporting.report import escape, finding_json

SCHEMA_VERSION = 1
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True, slots=True)
class FleetAudit:
    """What was found of a fleet's sites, in the fleet file's order."""

    fleet: str
    made_at: datetime
    """The service's time."""
    sites: tuple[SiteAudit, ...]

    @property
    def drifted(self) -> tuple[SiteAudit, ...]:
        """The sites that differ from the file."""
        return tuple(site for site in self.sites if site.drift)

    @property
    def failed(self) -> tuple[SiteAudit, ...]:
        """The sites that could not be audited."""
        return tuple(site for site in self.sites if site.finding)

    @property
    def failures(self) -> Mapping[tuple[str, str], list[str]]:
        """Why sites could not be audited and what to do, each once, with the sites that it is about."""
        found: dict[tuple[str, str], list[str]] = {}
        for site in self.sites:
            if site.finding:
                found.setdefault((site.finding.message, site.finding.remedy), []).append(site.site)
        return found

    @property
    def repairable(self) -> tuple[str, ...]:
        """Names of the sites of which a deploy puts something right."""
        return tuple(site.site for site in self.sites if site.repairable)

    @property
    def unknown(self) -> Mapping[tuple[str, str], list[str]]:
        """What can't be compared and why, each once, with the sites that it is about."""
        found: dict[tuple[str, str], list[str]] = {}
        for site in self.sites:
            for item in site.unknown:
                found.setdefault((item.what, item.why), []).append(site.site)
        return found


def summary(audit: FleetAudit) -> str:
    """Return an audit in one line, for example `2 of 12 sites differ from the file · 1 could not be audited`."""
    count, drifted, failed = len(audit.sites), len(audit.drifted), len(audit.failed)
    differ = "differs" if drifted == 1 else "differ"
    first = f"{drifted or 'none'} of {some(count, 'site')} {differ} from the file"
    return " · ".join([first, *([f"{failed} could not be audited"] if failed else [])])


def line(item: Difference) -> str:
    """Return a difference in a line: what was found, and what is wanted."""
    if item.found == MISSING:
        return f"{item.what} is missing"
    told = f"{item.what}: {item.found}" + (f", not {item.wanted}" if item.wanted else "")
    return _DIGEST.sub(r"\1…", told)


def rows(audit: FleetAudit) -> list[dict[str, str]]:
    """Return the audit as a table, a row per difference; a site without one has a row of its own."""
    return [row for site in audit.sites for row in _rows(site)]


def _rows(site: SiteAudit) -> Iterable[dict[str, str]]:
    if not site.drift:
        told = site.finding.message if site.finding else "as the file says"
        remedy = site.finding.remedy if site.finding else ""
        yield {"site": site.site, "kind": "", "what": told, "changed": "", "do": remedy}
    for item in site.drift:
        repair = item.remedy or "arcfleet audit --repair"
        yield {
            "site": site.site, "kind": item.kind, "what": line(item), "changed": when(item.trace), "do": repair
        }  # fmt: skip


def markdown(audit: FleetAudit) -> str:
    """Return a page about what differs, and about what can't be compared."""
    parts = [f"# {audit.fleet}: {summary(audit)}", ""]
    for site in (*audit.drifted, *(failed for failed in audit.failed if not failed.drift)):
        parts += [f"## {site.site}", ""]
        for row in _rows(site):
            changed = f" ({row['changed']})" if row["changed"] else ""
            parts.append(f"- **{row['kind'] or 'not audited'}** {escape(row['what'])}{changed}: {escape(row['do'])}")
        parts.append("")
    parts += [f"- unknown at {len(names)} of {some(len(audit.sites), 'site')}: {escape(what)} ({escape(why)})"
              for (what, why), names in audit.unknown.items()]  # fmt: skip
    return "\n".join(parts) + "\n"


def to_json(audit: FleetAudit) -> dict[str, Any]:
    """Return the audit as plain values. `schema` rises when a field changes its meaning."""
    return {
        "schema": SCHEMA_VERSION,
        "fleet": audit.fleet,
        "madeAt": audit.made_at.isoformat(timespec="seconds"),
        "counts": {
            "sites": len(audit.sites),
            "drifted": len(audit.drifted),
            "failed": len(audit.failed),
            "differences": sum(len(site.drift) for site in audit.sites),
        },
        "sites": [_site_json(site) for site in audit.sites],
    }


def _site_json(site: SiteAudit) -> dict[str, Any]:
    return {
        "site": site.site,
        "drift": [
            {
                "kind": item.kind,
                "what": item.what,
                "found": item.found,
                "wanted": item.wanted,
                "by": item.trace.by or None,
                "at": item.trace.at.isoformat(timespec="seconds") if item.trace.at else None,
                "repairedByDeploy": not item.remedy,
                "remedy": item.remedy,
            }
            for item in site.drift
        ],
        "unknown": [{"what": item.what, "why": item.why} for item in site.unknown],
        "finding": finding_json(site.finding) if site.finding else None,
    }
