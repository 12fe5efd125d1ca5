"""Errors: they say what, why and what to do, and survive every way in which Prefect carries them."""

import copy
import importlib
import inspect
import pickle
import pkgutil

import cloudpickle
import pytest

import arcfleet
from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, ManifestError, PermanentError, TransientError

EXAMPLES = {
    "fleet": FleetError(Reason.INTERNAL, "broken"),
    "permanent": PermanentError(Reason.REFUSED, "no", "do this", ("HTTP 400",), "C11"),
    "transient": TransientError(Reason.THROTTLED, "slower", evidence=("HTTP 429",), retry_after=17.0),
    "transient without a wait": TransientError(Reason.UNREACHABLE, "gone"),
    "manifest": ManifestError(("f:1:1  a  is wrong", "f:2:1  b  is wrong")),
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


def test_only_a_transient_error_knows_when_to_try_again():
    assert (EXAMPLES["transient"].retry_after, EXAMPLES["transient without a wait"].retry_after) == (17.0, None)
    assert not hasattr(EXAMPLES["permanent"], "retry_after")
    assert issubclass(TransientError, FleetError)
    assert not issubclass(TransientError, PermanentError)
