"""Status: what Azure and the clusters show, as tables, and one bad site hides no other."""

import io
import json
from dataclasses import replace
from functools import partial

import pytest
from examples import (
    DIGEST,
    NOW,
    SITE,
    applied,
    cluster,
    container,
    cr,
    extension,
    facts,
    fleet,
    minutes,
    pod,
    token,
    wanted,
)
from fakes import Script, gateways, port
from rich.console import Console

from arcfleet.app import status as reading
from arcfleet.app import tables
from arcfleet.app.status import FleetStatus
from arcfleet.core.evidence import ClaimFacts, ExtensionEvidence
from arcfleet.core.findings import Finding, Grade, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.steps.standing import Standing

WEB = wanted()
FINDING = Finding(Verdict.FAILED, Reason.CLUSTER_NOT_FOUND, "status", "cluster k-berlin does not exist")
ARRIVED = Finding(Verdict.HEALTHY, Reason.OK, "sync app/web:stable", "served", "S3", grade=Grade.A)
LIVE = {"workloads": {"web": applied(WEB)}}


def named(*pairs: tuple[str, str | None]):
    return [cr(name=name, parent=parent) for name, parent in pairs]


TREES = {
    "roots by name": ([("b", None), ("A", None), ("c", None)], ["A", "b", "c"]),
    "children below their parent": (
        [("a", None), ("b", None), ("z", "A"), ("y", "b"), ("x", "z")],
        ["a", "z", "x", "b", "y"],
    ),
    "an unknown parent makes a root": ([("b", None), ("a", "elsewhere")], ["a", "b"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("pairs", "expected"), TREES.values(), ids=TREES)
def test_connected_registries_are_listed_as_a_tree(pairs, expected):
    assert [item.name for item in reading.as_tree(named(*pairs))] == expected


ROWS = {
    "well": (
        facts(**LIVE),
        {
            "arc": "Connected",
            "extension": "1.2.3 Succeeded",
            "registry": "Online",
            "last sync": "5 min ago",
            "images": "1/1 (A)",
            "pods": "web 1/1",
        },
    ),
    "nothing installed": (
        facts(extension=None, connected_registry=cr(connection_state="Offline", last_sync=None)),
        {"arc": "Connected", "extension": "-", "registry": "Offline", "last sync": "never", "pods": "web -"},
    ),
    "version not known": (facts(extension=extension("Failed", current_version=None)), {"extension": "Failed"}),
    "out of contact": (
        facts(cluster=cluster("Offline", last_heartbeat=NOW - minutes(43)), **LIVE),
        {"arc": "Offline 48 min", "pods": "unknown (no contact)"},
    ),
    "never in contact": (facts(cluster=cluster("Offline")), {"arc": "Offline", "pods": "unknown (no contact)"}),
}


@pytest.mark.parametrize(("seen", "cells"), ROWS.values(), ids=ROWS)
def test_a_sites_row_says_how_each_part_stands(seen, cells):
    status = FleetStatus("f", (Standing("berlin", seen, (WEB,), None, NOW + minutes(5), images=(ARRIVED,)),), {})

    (row,) = reading.fleet_rows(status)

    assert {**row, **cells} == row
    assert row["finding"] == ""


def test_a_site_that_could_not_be_read_has_a_row_of_question_marks():
    status = FleetStatus("f", (Standing("berlin", None, (), FINDING, NOW),), {})

    (row,) = reading.fleet_rows(status)

    assert set(row.values()) == {"berlin", "?", FINDING.message}


def test_the_articles_tables_have_azs_columns():
    full = cr(parent="root", login_host="10.96.0.50", sync_state="Succeeded", schedule="* * * * *", sync_window="PT4H")
    (listed,), (bare,) = reading.list_rows([full]), reading.list_rows([cr(last_sync=None)])
    (shown,) = reading.show_rows([full])

    common = ("berlinplant", "ReadOnly", "Online", "root", "10.96.0.50", "2026-11-24T12:00:00+00:00")
    assert dict(zip(reading.LIST_COLUMNS, listed, strict=True))["SYNC STATE"] == "Succeeded"
    assert listed == (*common, "Succeeded")
    assert shown == (*common, "* * * * *", "PT4H", "Succeeded")
    assert bare == ("berlinplant", "ReadOnly", "Online", "", "", "", "")


def test_json_is_plain_and_carries_its_schema():
    sites = (Standing("berlin", facts(**LIVE), (WEB,), None, NOW), Standing("lyon", None, (), FINDING, NOW))

    plain = json.loads(json.dumps(reading.to_json(FleetStatus("f", sites, {"acreu1": (cr(),)}))))

    assert (plain["schema"], plain["fleet"]) == (1, "f")
    assert [site["finding"] and site["finding"]["reason"] for site in plain["sites"]] == [None, "cluster_not_found"]
    assert plain["connectedRegistries"]["acreu1"][0]["CONNECTION STATE"] == "Online"


def test_passwords_that_end_are_told_below_the_table_where_the_sites_row_tells_another_cause():
    ends = Finding(Verdict.DEGRADED, Reason.ROTATION_DUE, "sync password", "it ends")
    sites = [Standing(f"s{number}", facts(), (), FINDING, NOW, (FINDING, ends)) for number in range(14)]
    console = Console(file=io.StringIO(), width=100)

    tables.print_due(console, FleetStatus("f", (Standing("own", facts(), (), ends, NOW, (ends,)), *sites), {}))

    lines = console.file.getvalue().splitlines()
    assert lines[0] == "↻ s0: sync password: it ends: arcfleet rotate"
    assert (len(lines), lines[-1]) == (13, "↻ … and 2 more: arcfleet rotate")


TWO = f"""{fleet.__defaults__[0]}{SITE.replace("berlin", "lyon")}"""


def world(*, clusters, listing=None):
    return gateways(
        registries=port(
            registry=Script(facts().registry),
            connected_registries=listing
            or Script({"berlinplant": cr(), "lyonplant": cr(name="lyonplant", parent="berlinplant")}),
            service_time=Script(NOW),
            tokens=Script({}),
        ),
        extensions=port(cluster=Script(*clusters), extension=Script(extension())),
    )


async def test_a_fleet_is_read_and_a_bad_site_hides_no_other():
    gone = PermanentError(Reason.CLUSTER_NOT_FOUND, "cluster does not exist")

    status = await reading.read(world(clusters=(gone, cluster())), fleet(TWO))

    findings = {site.site: site.finding for site in status.sites}
    assert sorted((finding.reason if finding else "") for finding in findings.values()) == ["", "cluster_not_found"]
    assert [item.name for item in status.registries["acreu1"]] == ["berlinplant", "lyonplant"]


WEB_LINES = '    kube: {context: k}\n    workloads: [{name: web, image: "app/web:stable"}]\n'
PLACE = f"10.96.0.50/app/web@{DIGEST}"
RUNS = pod(container(ready=True, image=PLACE, image_id=PLACE))


def running(*pods, **around):
    """Return a world in which the site's workload is applied and has these pods."""
    here = world(clusters=(cluster(),), **around)
    live = replace(applied(WEB), pods=pods)
    pending = ExtensionEvidence(claim=ClaimFacts("Pending"))
    here = replace(
        here,
        images=port(digest=Script(DIGEST), pushed=Script(None)),
        kubernetes=port(login=Script(None), workload=Script(live), extension_evidence=Script(pending)),
    )
    here.registries.token = Script(token(password1=NOW))
    here.registries.scope_actions = Script(["repositories/app/web/content/read"])
    return here


async def read_one(here):
    (site,) = (await reading.read(here, fleet(fleet.__defaults__[0] + WEB_LINES))).sites
    return site


async def test_a_site_is_a_chain_from_arc_to_its_pods():
    here = running(RUNS)

    site = await read_one(here)

    assert site.finding is None, site.finding
    assert [found.rule for found in site.chain] == ["A1", "E14", "C7", "S3", "P2"]
    assert reading.fleet_rows(FleetStatus("f", (site,), {}))[0]["images"] == "1/1 (A)"
    # What pods prove is asked of nobody else.
    assert here.registries.token.calls == here.images.pushed.calls == here.images.digest.calls[1:] == []


async def test_what_no_pod_proves_azure_is_asked_for():
    site = await read_one(running())

    assert [(found.rule, found.grade) for found in site.images] == [("S7", "D")]


async def test_a_pod_that_can_not_pull_tells_that_the_site_lacks_the_image():
    missing = pod(container(image=PLACE, waiting_reason="ErrImagePull", waiting_message="manifest unknown"))
    here = running(missing)

    kept = await read_one(here)
    here.registries.scope_actions = Script([])
    never = await read_one(here)

    assert (kept.finding.rule, kept.images[0].subject) == ("S5", "sync app/web:stable")
    assert never.finding.rule == "S2"


async def test_a_registry_that_is_away_is_looked_into():
    away = {"berlinplant": cr(connection_state="Offline", activation="Active")}

    site = await read_one(running(RUNS, listing=Script(away)))

    assert (site.finding.reason, site.finding.rule) == (Reason.STORAGE_CLASS, "C11")


async def test_drift_of_the_extension_is_shown():
    here = running(RUNS)
    here.extensions.extension = Script(extension(settings={"service.clusterIP": "10.96.0.9"}))

    site = await read_one(here)

    assert (site.finding.rule, site.finding.reason) == ("E13", Reason.DRIFT)
    assert "service.clusterIP: 10.96.0.9 -> 10.96.0.50" in site.finding.message


UNHEARD = Finding(
    Verdict.HEALTHY, Reason.OK, "sync app/web:stable", "contact", "S7", ("not looked at: no server",), grade=Grade.D
)


def test_why_there_is_no_better_evidence_than_contact_is_said_once_for_all_sites():
    sites = tuple(Standing(name, facts(), (), None, NOW, (UNHEARD,), (UNHEARD,)) for name in ("berlin", "lyon"))
    well = Standing("oslo", facts(), (), None, NOW, (ARRIVED,), (ARRIVED,))
    status = FleetStatus("f", (*sites, well), {})

    whole = printed(partial(tables.print_status, chains=False), status, width=200)
    one = printed(partial(tables.print_status, chains=True), FleetStatus("f", sites[:1], {}), width=200)

    assert whole.splitlines()[-1] == "(D) berlin, lyon: not looked at: no server"
    assert "contact (D); not looked at: no server" in one
    assert one.count("no server") == 1


def test_a_password_that_ends_soon_is_printed_below_the_fleet():
    due = Finding(Verdict.DEGRADED, Reason.ROTATION_DUE, "password1", "ends tomorrow")
    status = FleetStatus("f", (Standing("berlin", facts(), (), FINDING, NOW, (due,)),), {})

    text = printed(partial(tables.print_status, chains=False), status, width=200)

    assert text.splitlines()[-1] == "↻ berlin: password1: ends tomorrow: arcfleet rotate"


def test_a_chain_is_printed_with_its_cause():
    bad = replace(FINDING, rule="C11", evidence=("seen [x]",), remedy="az acr …")
    item = Standing("berlin", facts(), (), bad, NOW, (ARRIVED, bad), (ARRIVED,))

    lines = [" ".join(line.split()) for line in printed(tables.print_chain, item, width=60).splitlines()]

    assert lines[0] == "PART VERDICT RULE WHAT"
    assert "sync app/web:stable healthy S3 served (A)" in lines
    assert lines[-4:] == [
        "✗ berlin",
        "cause cluster k-berlin does not exist [C11 cluster_not_found]",
        "seen seen [x]",
        "do az acr …",
    ]


async def test_the_deepest_cause_is_the_sites_finding():
    status = await reading.read(world(clusters=(cluster("Offline"),)), fleet(TWO))

    assert {site.finding.subject for site in status.sites if site.finding} == {"arc"}


async def test_a_registry_that_cannot_be_listed_is_told_by_each_of_its_sites():
    listing = Script(PermanentError(Reason.FORBIDDEN, "no right"))

    status = await reading.read(world(clusters=(cluster(),), listing=listing), fleet(TWO))

    assert [site.finding and site.finding.reason for site in status.sites] == [Reason.FORBIDDEN] * 2
    assert status.registries == {"acreu1": ()}


def printed(show, *args, width: int = 20) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(console, *args)
    return console.file.getvalue()


def test_no_cell_of_a_table_is_cut_however_narrow_the_terminal_and_the_line_in_it_ends_with_the_terminal():
    text = printed(tables.print_table, ("NAME", "STATE"), [("a-name-of-some-length", "Online [x]"), ("b", "")])

    assert text.splitlines() == [
        "NAME                   STATE",
        "-" * 20,
        "a-name-of-some-length  Online [x]",
        "b",
    ]


def test_columns_that_are_empty_throughout_are_left_out():
    text = printed(tables.print_dicts, [{"site": "a", "finding": ""}, {"site": "b", "finding": ""}])

    assert text.splitlines() == ["site", "----", "a", "b"]
    assert printed(tables.print_dicts, []) == "\n\n"


def test_the_articles_tables_are_headed_by_its_commands():
    text = printed(tables.print_article_tables, FleetStatus("f", (), {"acreu1": (cr(),)}), width=80)

    assert "az acr connected-registry list --registry acreu1" in text
    assert text.count("berlinplant") == 2
