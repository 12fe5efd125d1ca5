"""Roll out a workload and wait for its pods."""

from __future__ import annotations

from functools import partial

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.steps import rollout as steps
from tasks import runtime


@task(name="roll out", task_run_name="{site.name} · roll out {wanted.name}", **runtime.OPTIONS)
async def roll_out(site: Site, facts: SiteFacts, wanted: Desired, *, take_back: bool = False) -> tuple[Finding, ...]:
    """Apply a workload where it differs; return its finding once its pods are well, and what they prove of images."""
    here = runtime.current()
    on_change = partial(here.progress.waiting, site.name)
    return await steps.roll_out(here.gateways, site, facts, wanted, on_change, take_back=take_back)
