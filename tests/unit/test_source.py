"""Reading YAML: plain values with their places, and nothing that could harm."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core import source
from arcfleet.errors import ManifestError

TEXT = """\
name: x
sites:
  - name: berlin
    labels: {ring: canary}
  - name: lyon
"""


def refusal(text: str) -> str:
    with pytest.raises(ManifestError) as refused:
        source.read(text, "f.yaml")
    return str(refused.value)


def test_values_are_plain_and_every_place_is_known():
    document = source.read(TEXT, "f.yaml")

    assert document.value == {
        "name": "x",
        "sites": [{"name": "berlin", "labels": {"ring": "canary"}}, {"name": "lyon"}],
    }
    assert document.place(("sites", 0, "labels", "ring")) == "f.yaml:4:20"
    assert document.place(("sites", 1)) == "f.yaml:5:5"


@pytest.mark.parametrize(
    ("path", "place"),
    [(("sites", 1, "cluster", "name"), "f.yaml:5:5"), (("nowhere",), "f.yaml:1:1"), ((), "f.yaml:1:1")],
    ids=["in a site", "at the top", "the file"],
)
def test_what_is_not_written_is_placed_at_its_nearest_parent(path, place):
    assert source.read(TEXT, "f.yaml").place(path) == place


def test_a_document_without_marks_is_placed_at_its_file():
    assert source.Document("f.yaml", None).problem(("a", 0), "is wrong") == "f.yaml  a[0]  is wrong"


PATHS = {
    ("sites", 3, "clusterIP"): "sites[3].clusterIP",
    (): "",
    (0, "a"): "[0].a",
    ("a", 0, 1): "a[0][1]",
    ("\x1b[2J", "b"): "'\\x1b[2J'.b",
    ("a", "\ud800"): "a.'\\ud800'",
}


@pytest.mark.parametrize(("path", "text"), PATHS.items(), ids=["usual", "empty", "index", "indices", "escape", "half"])
def test_a_path_is_shown_as_people_write_it_and_never_harms_a_terminal(path, text):
    assert source.show(path) == text


SCALARS = {
    "a: 1": 1,
    "a: 1.5": 1.5,
    "a: true": True,
    "a: ~": None,
    "a:": None,
    "a: 'true'": "true",
    "a: 2026-11-24": "2026-11-24",
    "a: 2026-11-24T12:00:00Z": "2026-11-24T12:00:00Z",
    "a: =": "=",
    "a: <<": "<<",
    "a: !!str 5": "5",
    "a: !!int '5'": 5,
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=SCALARS)
def test_scalars_are_read_as_yaml_has_them_but_dates_stay_text(text, value):
    assert source.read(text, "f.yaml").value == {"a": value}


def test_keys_are_text_whatever_they_look_like():
    assert source.read("{1: a, true: b, ~: c, 2026-11-24: d}", "f").value.keys() == {"1", "true", "~", "2026-11-24"}


ANCHORS = "f.yaml:{}  anchors and aliases are not accepted: use defaults"
HOSTILE = {
    "nothing": ("", "f.yaml:1:1  the file is empty"),
    "only a comment": ("# x\n", "f.yaml:1:1  the file is empty"),
    "two documents": ("a: 1\n---\nb: 2\n", "f.yaml:3:1  the file holds more than one document"),
    "anchor": ("a: &x 1", ANCHORS.format("1:4")),
    "anchored map": ("a: 1\nb: &x\n  c: 1", ANCHORS.format("2:4")),
    "alias": ("a: *x", ANCHORS.format("1:4")),
    "merge key": ("a: &x {b: 1}\nc: {<<: *x}", ANCHORS.format("1:4")),
    "key twice": ("a: 1\nb: {c: 1, c: 2}", "f.yaml:2:11  b.c  the key is given twice"),
    "key of another form twice": ('1: a\n"1": b', "f.yaml:2:1  1  the key is given twice"),
    "list as key": ("? [a]\n: b", "f.yaml:1:3  a key must be text"),
    "map as key": ("{{a: b}: c}", "f.yaml:1:2  a key must be text"),
    "bad hexadecimal": ("a: 0x_", "f.yaml:1:4  '0x_' is no int: quote it if it is text"),
    "endless number": (f"a: {'1' * 5000}", f"f.yaml:1:4  '{'1' * 40}' is no int: quote it if it is text"),
    "bad int tag": ("a: !!int x", "f.yaml:1:4  'x' is no int: quote it if it is text"),
    "bad float tag": ("a: !!float x", "f.yaml:1:4  'x' is no float: quote it if it is text"),
    "bad bool tag": ("a: !!bool x", "f.yaml:1:4  'x' is no bool: quote it if it is text"),
    "date tag": ("a: !!timestamp x", "f.yaml:1:4  the tag tag:yaml.org,2002:timestamp is not accepted here"),
    "binary tag": ("a: !!binary eA==", "f.yaml:1:4  the tag tag:yaml.org,2002:binary is not accepted here"),
    "map tag on text": ("a: !!map x", "f.yaml:1:4  the tag tag:yaml.org,2002:map is not accepted here"),
    "text tag on a map": ("a: !!str {b: 1}", "f.yaml:1:4  the tag tag:yaml.org,2002:str is not accepted here"),
    "set": ("a: !!set {b}", "f.yaml:1:4  the tag tag:yaml.org,2002:set is not accepted here"),
    "own tag": ("a: !include x", "f.yaml:1:4  the tag !include is not accepted here"),
    "python": (
        "a: !!python/object/apply:os.system [ls]",
        "f.yaml:1:4  the tag tag:yaml.org,2002:python/object/apply:os.system is not accepted here",
    ),
    "NUL": ("a\0b", "f.yaml  unacceptable character #x0000: special characters are not allowed"),
    "tab": ("a:\n\t- b", "f.yaml:2:1  found character '\\t' that cannot start any token"),
    "open bracket": ("a: [", "f.yaml:1:5  expected the node content, but found '<stream end>'"),
    "new version": ("%YAML 9.9\n---\na: 1", "f.yaml:1:1  found incompatible YAML document (version 1.* is required)"),
}


@pytest.mark.parametrize(("text", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text, problem):
    assert refusal(text) == problem


DEEP = {
    "lists in a line": "[" * 100_000,
    "lists in lines": "[\n" * 100_000,
    "maps": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "indented": "".join(f"{' ' * i}a:\n" for i in range(2000)),
    "keys": "? " * 100_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_refused_quickly(text):
    began = time.process_time()

    assert refusal(text) == "f.yaml  the file nests too deeply"
    assert time.process_time() - began < 5


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))

    assert refusal(bomb) == ANCHORS.format("1:5")


def test_a_huge_file_is_not_even_parsed():
    assert refusal("[" * (source.MAX_BYTES + 1)) == "f.yaml  the file is larger than 5 MB"


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert source.read("\ufeffa: 1", "f.yaml").value == {"a": 1}


def test_all_documents_of_a_file_are_read_with_their_own_places():
    first, empty, last = source.read_all("a: 1\n---\n---\nb: 2\n", "f.yaml")

    assert (first.value, empty.value, last.value) == ({"a": 1}, None, {"b": 2})
    assert last.place(("b",)) == "f.yaml:4:4"


@given(st.one_of(st.text(), st.text(alphabet="[]{}:,-?!&*<>|%@#'\"\\ \n\tab01x_.e~=")))
def test_no_text_raises_anything_but_manifest_error(text):
    with suppress(ManifestError):
        assert source.read(text, "f.yaml").place(()).startswith("f.yaml:")
