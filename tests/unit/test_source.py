"""Reading YAML: plain values with their places, and nothing that could harm."""

from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.fleet import source
from arcfleet.errors import ManifestError

SECRET = "x" * 42 + "+ACRabcdef"
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
    "two documents": ("a: 1\n---\nb: 2\n", "f.yaml:2:1  the file holds more than one document"),
    "anchor": ("a: &x 1", ANCHORS.format("1:4")),
    "anchored map": ("a: 1\nb: &x\n  c: 1", ANCHORS.format("2:4")),
    "alias": ("a: *x", ANCHORS.format("1:4")),
    "merge key": ("a: &x {b: 1}\nc: {<<: *x}", ANCHORS.format("1:4")),
    "key twice": ("a: 1\nb: {c: 1, c: 2}", "f.yaml:2:11  c  the key is given twice"),
    "key of another form twice": ('1: a\n"1": b', "f.yaml:2:1  1  the key is given twice"),
    "list as key": ("? [a]\n: b", "f.yaml:1:3  a key must be text"),
    "map as key": ("{{a: b}: c}", "f.yaml:1:2  a key must be text"),
    "bad hexadecimal": ("a: 0x_", "f.yaml:1:4  '0x_' is no int: quote it if it is text"),
    "endless number": (f"a: {'1' * 5000}", f"f.yaml:1:4  '{'1' * 59}… is no number: quote it if it is text"),
    "not a number": ("a: .nan", "f.yaml:1:4  '.nan' is no float: quote it if it is text"),
    "infinity": ("a: -.inf", "f.yaml:1:4  '-.inf' is no float: quote it if it is text"),
    "question marks": ("? " * 100_000, "f.yaml:1:3  a key must be text"),
    "alias as a key": ("{*a : 1}", ANCHORS.format("1:2")),
    "anchored key": ("&a b: 1", ANCHORS.format("1:1")),
    "bad int tag": ("a: !!int x", "f.yaml:1:4  'x' is no int: quote it if it is text"),
    "bad float tag": ("a: !!float x", "f.yaml:1:4  'x' is no float: quote it if it is text"),
    "bad bool tag": ("a: !!bool x", "f.yaml:1:4  'x' is no bool: quote it if it is text"),
    "date tag": ("a: !!timestamp x", "f.yaml:1:4  the tag 'tag:yaml.org,2002:timestamp' is not accepted here"),
    "binary tag": ("a: !!binary eA==", "f.yaml:1:4  the tag 'tag:yaml.org,2002:binary' is not accepted here"),
    "map tag on text": ("a: !!map x", "f.yaml:1:4  the tag 'tag:yaml.org,2002:map' is not accepted here"),
    "text tag on a map": ("a: !!str {b: 1}", "f.yaml:1:4  the tag 'tag:yaml.org,2002:str' is not accepted here"),
    "set": ("a: !!set {b}", "f.yaml:1:4  the tag 'tag:yaml.org,2002:set' is not accepted here"),
    "own tag": ("a: !include x", "f.yaml:1:4  the tag '!include' is not accepted here"),
    "python": (
        "a: !!python/object/apply:os.system [ls]",
        "f.yaml:1:4  the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not accepted here",
    ),
    "NUL": ("a\0b", "f.yaml:1:2  the character U+0000 is not accepted in YAML"),
    "tab": ("a:\n\t- b", "f.yaml:2:1  YAML is indented with spaces, not tabs"),
    "open bracket": ("a: [", "f.yaml:2:1  did not find expected node content"),
    "new version": ("%YAML 9.9\n---\na: 1", "f.yaml:1:1  found incompatible YAML document"),
}


@pytest.mark.parametrize(("text", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text, problem):
    assert refusal(text) == problem


DEEP = {
    "lists in a line": ("[" * 100_000, "1:51"),
    "lists in lines": ("[\n" * 100_000, "51:1"),
    "maps": ("{a: " * 100_000, "1:201"),
    "dashes": ("- " * 100_000, "1:101"),
    "indented": ("".join(f"{' ' * i}a:\n" for i in range(2000)), "51:51"),
}


@pytest.mark.parametrize(("text", "place"), DEEP.values(), ids=DEEP)
def test_deep_nesting_is_refused_where_it_gets_too_deep(text, place):
    assert refusal(text) == f"f.yaml:{place}  the file nests deeper than 50 levels"


LARGE = {
    "a list": ("- a\n" * 1_000_000, "f.yaml:200000:3  the file holds more than 200,000 keys and values: "),
    "lists in lists": ("[" + "[a]," * 500_000, "f.yaml:1:399999  the file holds more than 200,000 keys and values: "),
    "a map": ("".join(f"k{i}: v\n" for i in range(100_000)), "f.yaml:1001:1  the map holds more than 1000 keys"),
    "documents": ("---\n" * 1_000_000, "f.yaml:2:1  the file holds more than one document"),
    "an integer": (f"a: {'1' * 4_000_000}", f"f.yaml:1:4  '{'1' * 59}… is no number: quote it if it is text"),
    "a base of sixty": (f"a: 1{':1' * 2_000_000}", f"f.yaml:1:4  '{'1:' * 29}1… is no number: quote it if it is text"),
    "a fraction": (f"a: 1.{'1' * 4_000_000}", f"f.yaml:1:4  '1.{'1' * 57}… is no number: quote it if it is text"),
    "a quoted text without an end": ('a: "' + "x" * 4_000_000, "f.yaml:1:4000005  found unexpected end of stream"),
}


@pytest.mark.parametrize(("text", "problem"), LARGE.values(), ids=LARGE)
def test_a_large_file_is_refused_where_it_gets_too_large(text, problem):
    assert refusal(text).startswith(problem)


def test_the_values_of_all_documents_count_together():
    with pytest.raises(ManifestError, match=r"f\.yaml:3:399992  the file holds more than 200,000 keys and values"):
        source.read_all("a: [1]\n---\n[" + "a," * 200_000, "f.yaml")


def test_documents_are_counted():
    with pytest.raises(ManifestError, match=r"f\.yaml:1002:1  the file holds more than 1000 documents"):
        source.read_all("---\n" * 1_000_000, "f.yaml")


def test_one_large_text_is_a_value_like_any_other():
    assert len(source.read("a: " + "x" * 4_000_000, "f.yaml").value["a"]) == 4_000_000


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))

    assert refusal(bomb) == ANCHORS.format("1:5")


def test_a_huge_file_is_not_even_parsed():
    assert refusal("[" * (source.MAX_BYTES + 1)) == "f.yaml  the file is larger than 5 MB"


CHARACTERS = {
    "NUL in a name": ("a:\n  b: x\0", "f.yaml:2:7  the character U+0000 is not accepted in YAML"),
    "escape": ("a: \x1b[2J", "f.yaml:1:4  the character U+001B is not accepted in YAML"),
    "half of a pair": ("\ud800", "f.yaml:1:1  the character U+D800 is not accepted in YAML"),
    "delete": ("\n\n \x7f", "f.yaml:3:2  the character U+007F is not accepted in YAML"),
}


@pytest.mark.parametrize(("text", "problem"), CHARACTERS.values(), ids=CHARACTERS)
def test_a_control_character_is_refused_at_its_place(text, problem):
    assert refusal(text) == problem


def test_lines_may_end_as_windows_ends_them():
    document = source.read("a: 1\r\nb:\r\n  - x\r\n", "f.yaml")

    assert (document.value, document.place(("b", 0))) == ({"a": 1, "b": ["x"]}, "f.yaml:3:5")


OURS = [name for name in HOSTILE if "quote" in HOSTILE[name][1] or "accept" in HOSTILE[name][1]]


@pytest.mark.parametrize("name", OURS)
def test_without_libyaml_the_refusals_are_the_same(name, monkeypatch):
    monkeypatch.setattr(source, "_SCANNER", yaml.SafeLoader)
    text, problem = HOSTILE[name]

    assert refusal(text) == problem


def test_what_looks_like_a_secret_is_in_no_message():
    assert refusal(f"{SECRET}: 1\n{SECRET}: 2") == "f.yaml:2:1  (hidden)  the key is given twice"
    assert refusal(f"a: !!int '{SECRET}'") == "f.yaml:1:4  (hidden) is no int: quote it if it is text"


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
