"""Secret: no way of printing, formatting, copying or storing a value gives it away."""

import copy
import inspect
import io
import json
import logging
import pickle
import pprint
import sys
import traceback
from dataclasses import asdict, dataclass

import cloudpickle
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from arcfleet.core.kube.workloads import Login
from arcfleet.core.secret import Secret

TEXT = "hunter2-Zm9vYmFy"


@dataclass(frozen=True)
class Holder:
    secret: Secret


ANY = ConfigDict(arbitrary_types_allowed=True)


class Model(BaseModel):
    model_config = ANY
    secret: Secret


def validation_error(secret: Secret) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(int).validate_python(secret)
    return f"{refused.value} {refused.value.errors()}"


def log_line(secret: Secret) -> str:
    """Return what a log says that is told the secret in every way, its record's arguments included."""
    record = logging.LogRecord("x", logging.DEBUG, __file__, 1, "got %s %r", (secret, secret), None)
    return f"{logging.Formatter().format(record)} {record.__dict__}"


RENDERINGS = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "format with a width": lambda s: format(s, ">40"),
    "f-string": lambda s: f"{s} {s!r} {s!s} {s!a} {s:>30}",
    "str.format": "{0} {0!r} {0:.99}".format,
    "percent": lambda s: "%s %r" % (s, s),  # noqa: UP031 - the old way is what is tested
    "in a list": lambda s: str([s, (s,), {s: s}]),
    "pprint": pprint.pformat,
    "json of its text": lambda s: json.dumps({"secret": s}, default=str),
    "json of its repr": lambda s: json.dumps([s], default=repr),
    "json of its slots": lambda s: json.dumps(
        s, default=lambda o: [getattr(o, n) for n in getattr(o, "__slots__", ())]
    ),
    "log": log_line,
    "dir": lambda s: str(dir(s)),
    "members": lambda s: str(inspect.getmembers(s)),
    "state": lambda s: str(s.__getstate__()),
    "slots": lambda s: str([getattr(s, name) for name in s.__slots__]),
    "the function that holds it": lambda s: f"{inspect.getsource(s._give)} {s._give.__code__} {s._give.__dict__}",
    "rich": pretty_repr,
    "dataclass": lambda s: repr(Holder(s)),
    "login": lambda s: repr(Login("user", s)),
    "model repr": lambda s: repr(Model(secret=s)),
    "model str": lambda s: str(Model(secret=s)),
    "model dump": lambda s: str(Model(secret=s).model_dump()),
    "validation error": validation_error,
    "exception": lambda s: str(ValueError("failed", s)),
}
SERIALISERS = {
    "json": json.dumps,
    "json of its attributes": lambda s: json.dumps(s, default=vars),
    "vars": vars,
    "yaml": yaml.dump,
    "safe yaml": yaml.safe_dump,
    "pickle": pickle.dumps,
    "cloudpickle, which Prefect stores results with": cloudpickle.dumps,
    "pickle of a login": lambda s: pickle.dumps(Login("user", s)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda s: asdict(Holder(s)),
    "model json": lambda s: Model(secret=s).model_dump_json(),
    "pydantic to_json": to_json,
    "adapter": lambda s: TypeAdapter(list[Secret], config=ANY).dump_json([s]),
    "iteration": list,
    "bytes": bytes,
    "join": lambda s: "".join([s]),
    "concatenation": lambda s: "x" + s,
}


@pytest.mark.parametrize("render", RENDERINGS.values(), ids=RENDERINGS)
def test_no_rendering_shows_the_value(render):
    assert TEXT not in render(Secret(TEXT))


@pytest.mark.parametrize("serialise", SERIALISERS.values(), ids=SERIALISERS)
def test_every_serialiser_is_refused_without_telling_the_value(serialise):
    with pytest.raises((TypeError, PydanticSerializationError, yaml.YAMLError)) as refusal:
        serialise(Secret(TEXT))

    assert TEXT not in str(refusal.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol_is_refused(protocol):
    with pytest.raises(TypeError, match="stays in the memory"):
        pickle.dumps(Secret(TEXT), protocol)


def failing() -> None:
    secret = Secret(TEXT)
    raise RuntimeError(f"can't deliver {secret}", secret)


def test_a_traceback_with_local_variables_does_not_show_the_value():
    try:
        failing()
    except RuntimeError:
        kind, error, trace = sys.exc_info()

    plain = "".join(traceback.TracebackException(kind, error, trace, capture_locals=True).format())
    console = Console(file=io.StringIO(), width=200)
    console.print(Traceback.from_exception(kind, error, trace, show_locals=True))

    assert "Secret(***)" in plain
    assert TEXT not in plain
    assert TEXT not in console.file.getvalue()


@given(st.text(min_size=1))
def test_only_reveal_gives_the_value_back(text):
    secret = Secret(text)

    assert secret.reveal() == text
    assert (repr(secret), str(secret), f"{secret:{'>9'}}") == ("Secret(***)", "***", "***")
    assert not hasattr(secret, "__dict__")


def test_nothing_is_learnt_by_comparing():
    secret, same = Secret(TEXT), Secret(TEXT)

    # The default comparison, of objects: its time does not depend on the text.
    assert (Secret.__eq__, Secret.__hash__) == (object.__eq__, object.__hash__)
    assert secret == secret  # noqa: PLR0124 - that an object equals itself is what is tested
    assert secret != same
    assert secret != TEXT
    assert len({secret, same}) == 2
    with pytest.raises(TypeError):
        sorted([secret, same])


@pytest.mark.parametrize(("text", "truth"), [("", False), ("x", True)], ids=["empty", "full"])
def test_a_secret_is_true_when_it_holds_something(text, truth):
    assert bool(Secret(text)) is truth
