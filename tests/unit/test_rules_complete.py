"""Every rule that is documented exists and has a case in its table; no state that a service may show crashes one."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import test_preflight
import test_verdicts_arc
import test_verdicts_extension
import test_verdicts_inside
import test_verdicts_pods
import test_verdicts_registry
import test_verdicts_sync
from examples import NOW, cluster, cr, deployment, extension
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.facts import ExtensionStatus, StatusDetail
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.sync.arrivals import Arrival
from arcfleet.core.verdicts import arc, pods, registry, sync
from arcfleet.core.verdicts import extension as extension_rules
from arcfleet.core.verdicts.sync import Sought

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULE = re.compile(r"[AECSPN]\d+")
AT_A_DEADLINE = {"E10"}
"""What an operation becomes that does not end: no table's, but the stories' (tests/flows/test_trouble.py)."""
TABLES = (
    test_verdicts_arc, test_verdicts_extension, test_verdicts_inside, test_verdicts_registry, test_verdicts_sync,
    test_verdicts_pods, test_preflight,
)  # fmt: skip


def documented() -> set[str]:
    """Return the rules of the documentation's table, which gives them as ranges."""
    ranges = re.findall(r"^\| ([A-Z])(\d+)\W[A-Z](\d+) \|", PAGE, re.MULTILINE)
    return {f"{letter}{number}" for letter, first, last in ranges for number in range(int(first), int(last) + 1)}


def expected(module: ModuleType) -> Iterator[str]:
    """Yield the rules that a module's tables of cases expect: each is what a judgement is compared with."""
    for table in vars(module).values():
        for case in table.values() if isinstance(table, dict) else ():
            for part in case if isinstance(case, tuple) else (case,):
                yield from (text for text in (part if isinstance(part, tuple) else (part,)) if isinstance(text, str))


def test_the_documented_rules_are_those_of_the_code():
    sources = (ROOT / "arcfleet").rglob("*.py")
    named = {rule for path in sources for rule in re.findall(r'"([AECSPN]\d+)"', path.read_text(encoding="utf-8"))}

    assert documented() == named


def test_every_rule_is_what_a_case_of_a_table_expects():
    tested = {text for module in TABLES for text in expected(module) if RULE.fullmatch(text)}

    assert documented() - tested == AT_A_DEADLINE


words = st.text(max_size=12) | st.sampled_from(["Succeeded", "Failed", "Online", "Offline", "Active", "TimedOut"])


@given(words, words, words, words)
def test_no_word_of_a_service_crashes_a_rule(one, two, three, four):
    here = cluster(one)
    shown = cr(connection_state=two, activation=three, provisioning_state=four, sync_state=one, mode=two,
               status_details=(StatusDetail(one, two, three),))  # fmt: skip
    installed = extension(two, statuses=(ExtensionStatus(one, three, four),), error=four)
    arrival = Arrival(ImageRef("app/web", "stable"), f"sha256:{'ab' * 32}")

    found = (
        arc.judge(here),
        extension_rules.judge(installed, here, now=NOW, changed_at=NOW),
        registry.judge(shown, here, now=NOW, active_since=NOW),
        sync.judge(arrival, shown, Sought("acreu1", NOW, NOW)),
    )

    assert all(finding.rule or finding.reason is Reason.UNKNOWN_STATE for finding in found)


@pytest.mark.parametrize("reason", ["", "ErrImageSomething", "Ω"])
def test_a_container_s_unknown_reason_is_progress_and_no_crash(reason):
    waiting = test_verdicts_pods.pod(test_verdicts_pods.container(waiting_reason=reason, waiting_message="?"))

    assert pods.judge(deployment(waiting, **test_verdicts_pods.UNDER_WAY), "web").rule == "P14"
