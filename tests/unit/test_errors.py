"""Errors: they say what, why and what to do, and survive every way in which Prefect carries them."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from dataclasses import replace

import cloudpickle
import pytest

import arcfleet
from arcfleet.core.findings import Finding, Verdict, of_error
from arcfleet.core.reasons import Reason
from arcfleet.core.sync.pushes import NotUnderstoodError
from arcfleet.errors import FleetError, ManifestError, OutcomeUnknownError, PermanentError, TransientError
from arcfleet.waiting import as_error

EXAMPLES = {
    "fleet": FleetError(Reason.INTERNAL, "broken"),
    "permanent": PermanentError(Reason.REFUSED, "no", "do this", ("HTTP 400",), "C11"),
    "transient": TransientError(Reason.THROTTLED, "slower", evidence=("HTTP 429",), retry_after=17.0),
    "transient of a rule": TransientError(Reason.THROTTLED, "slower", "wait", ("HTTP 429",), "E9", 17.0),
    "of an unknown outcome": OutcomeUnknownError(Reason.BAD_RESPONSE, "nothing in it", evidence=("HTTP 200",)),
    "transient without a wait": TransientError(Reason.UNREACHABLE, "gone"),
    "not understood": NotUnderstoodError("a push without a repository"),
    "manifest": ManifestError(("f:1:1  a  is wrong", "f:2:1  b  is wrong")),
    "notification": NotUnderstoodError("notification 1: it is no object"),
    "manifest with many": ManifestError(("f:1:1  a  is wrong",), more=1200),
}
WAYS = {"pickle": lambda e: pickle.loads(pickle.dumps(e)), "copy": copy.copy, "deepcopy": copy.deepcopy}  # noqa: S301
WAYS["cloudpickle"] = lambda error: cloudpickle.loads(cloudpickle.dumps(error))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("error", EXAMPLES.values(), ids=EXAMPLES)
def test_an_error_arrives_as_it_left(error, way):
    again = way(error)

    assert type(again) is type(error)
    assert (vars(again), again.args, str(again)) == (vars(error), error.args, str(error))


def test_every_error_of_the_package_has_an_example_here():
    found = set()
    for module in pkgutil.walk_packages(arcfleet.__path__, "arcfleet."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, BaseException) and kind.__module__.startswith("arcfleet"):
                found.add(kind)

    assert found == {type(error) for error in EXAMPLES.values()}


def test_an_error_reads_as_its_code_and_its_message():
    assert str(EXAMPLES["permanent"]) == "refused: no"
    assert str(EXAMPLES["manifest"]) == "f:1:1  a  is wrong\nf:2:1  b  is wrong"
    assert str(EXAMPLES["manifest with many"]) == "f:1:1  a  is wrong\n… and at least 1,200 more"


def test_only_a_transient_error_knows_when_to_try_again():
    assert (EXAMPLES["transient"].retry_after, EXAMPLES["transient without a wait"].retry_after) == (17.0, None)
    assert not hasattr(EXAMPLES["permanent"], "retry_after")
    assert issubclass(TransientError, FleetError)
    assert not issubclass(TransientError, PermanentError)


def test_an_error_carries_the_rule_behind_it_if_there_is_one():
    assert {name: error.rule for name, error in EXAMPLES.items() if isinstance(error, FleetError)} == {
        "fleet": "",
        "permanent": "C11",
        "transient": "",
        "transient of a rule": "E9",
        "of an unknown outcome": "",
        "transient without a wait": "",
    }


def test_a_finding_keeps_its_rule_on_the_way_to_an_error_and_back():
    finding = Finding(Verdict.FAILED, Reason.REGISTRY_OFFLINE, "connected registry", "x", "C11", ("e",), "r")

    again = of_error(as_error(finding), "connected registry")

    assert again == replace(finding, message="connected registry: x")
