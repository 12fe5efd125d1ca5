"""The project as a whole: names that shadow nothing, entrypoints that exist, no secret in any file."""

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

from arcfleet.core.reasons import Reason

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for folder in ("arcfleet", "flows", "tasks", "simulator") for path in (ROOT / folder).rglob("*.py")
)
STEMS = sorted({path.stem for folder in ("flows", "tasks") for path in (ROOT / folder).glob("[!_]*.py")})


def importable(name: str) -> bool:
    """Tell whether a name is a top-level module of Python, of an installed package, or of the project."""
    places = [place for place in sys.path if Path(place or ".").resolve() not in {ROOT / "flows", ROOT / "tasks"}]
    found = name in sys.builtin_module_names or name in sys.stdlib_module_names
    return found or importlib.machinery.PathFinder.find_spec(name, places) is not None


def test_there_are_flows_and_tasks():
    assert {"deploy_fleet", "deploy_site", "runtime"} <= set(STEMS)


@pytest.mark.parametrize("stem", STEMS)
def test_no_file_of_flows_or_tasks_would_shadow_a_module(stem):
    # A file-path entrypoint puts flows/ first on sys.path for good; see docs and style.md.
    assert not importable(stem)


def test_the_check_for_shadowing_knows_what_is_importable():
    assert all(importable(name) for name in ("json", "sys", "kubernetes", "prefect", "yaml", "arcfleet"))
    assert not importable("no_such_module")


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_generic_names_are_packages_and_not_namespaces(folder):
    assert (ROOT / folder / "__init__.py").is_file()


def test_entrypoints_of_the_deployments_exist():
    path = ROOT / "prefect.yaml"
    if not path.is_file():
        pytest.skip("there is no prefect.yaml yet")
    entrypoints = [deployment["entrypoint"] for deployment in yaml.safe_load(path.read_text())["deployments"]]

    assert entrypoints
    for entrypoint in entrypoints:
        assert re.fullmatch(r"[\w.]+", entrypoint), "only dotted entrypoints: a file's path would import it twice"
        module, _, name = entrypoint.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


SECRET_WORD = re.compile(r"(?i)(^|_)(password|passwd|secret|token|api_?key|connection_?string|private_?key)$")
LONG_AND_RANDOM = re.compile(
    r"(?=[A-Za-z0-9+/=]*\d)(?=[A-Za-z0-9+/=]*[A-Z])(?=[A-Za-z0-9+/=]*[a-z])[A-Za-z0-9+/=]{40,}"
)
KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def literals(path: Path):
    """Yield each text that is assigned to a name: the name, and the text."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                yield name, text
            case ast.keyword(arg=str(name), value=ast.Constant(value=str(text))):
                yield name, text


ALLOWED = {"regcred", ""}
"""Names of secrets, not secrets."""


def suspicious(name: str, text: str) -> bool:
    code = name.isupper() and text in set(Reason)
    return bool(SECRET_WORD.search(name)) and not code and text not in ALLOWED and " " not in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_holds_what_looks_like_a_secret(path):
    text = path.read_text()

    assert not KEY_BLOCK.search(text)
    assert [pair for pair in literals(path) if suspicious(*pair) and LONG_AND_RANDOM.search(pair[1])] == []


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[len(ROOT.parts)] != "simulator"], ids=lambda p: p.stem)
def test_no_name_of_the_product_is_given_a_password_in_clear(path):
    assert [pair for pair in literals(path) if suspicious(*pair)] == []


def test_the_checks_for_secrets_find_one():
    assert suspicious("client_secret", "hunter2")
    assert not suspicious("CLIENT_TOKEN", Reason.CLIENT_TOKEN.value)
    assert LONG_AND_RANDOM.search("x" * 38 + "+ACRA1bC")


def test_reasons_are_distinct_stable_words():
    values = [reason.value for reason in Reason]

    assert len(values) == len(set(values))
    assert all(reason.value == reason.name.lower() for reason in Reason)
