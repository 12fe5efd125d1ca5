"""Files that mean harm, or mean something else than YAML makes of them: refused at a place, whatever their size."""

import random
import string
import time

import pytest
import yaml
from examples import FLEET, HEAD, SITE
from hypothesis import given
from hypothesis import strategies as st

from arcfleet import fleetfile
from arcfleet.core.fleet import layers, source
from arcfleet.core.fleet.problems import ENOUGH
from arcfleet.core.fleet.resolve import load
from arcfleet.core.kube import workloads
from arcfleet.errors import ManifestError


def refusal(text: str) -> ManifestError:
    with pytest.raises(ManifestError) as refused:
        load(text, "f")
    return refused.value


def problems_of(text: str) -> tuple[str, ...]:
    """Return what is wrong with a fleet; nothing where it is accepted, which then has sites."""
    try:
        assert load(text, "f").sites
    except ManifestError as error:
        return error.problems
    return ()


def told(text: str) -> str:
    (problem,) = refusal(text).problems
    return problem


LABEL = "1 to 63 of a-z 0-9 -, as Kubernetes names are"
NAMES = {
    "123": "YAML reads this as the number 123: put it in quotes",
    "007": "YAML reads this as the number 7: put it in quotes",
    "0x1f": "YAML reads this as the number 31: put it in quotes",
    "1.5": "YAML reads this as the number 1.5: put it in quotes",
    "1:30": "YAML reads this as the number 90: put it in quotes",
    "1_000": "YAML reads this as the number 1000: put it in quotes",
    "no": "YAML reads this as the boolean false: put it in quotes",
    "on": "YAML reads this as the boolean true: put it in quotes",
    "[a]": "should be text",
    "{a: b}": "should be text",
    "../x": f"'../x' is not accepted: {LABEL}",
    "a/b": f"'a/b' is not accepted: {LABEL}",
    "a;rm -rf /": f"'a;rm -rf /' is not accepted: {LABEL}",
    "$(id)": f"'$(id)' is not accepted: {LABEL}",
    "--yes": f"'--yes' is not accepted: {LABEL}",
    "'%2e%2e'": f"'%2e%2e' is not accepted: {LABEL}",
    "'..'": f"'..' is not accepted: {LABEL}",
    "''": f"'' is not accepted: {LABEL}",
    "' a'": f"' a' is not accepted: {LABEL}",
    '"a\\n"': rf"'a\n' is not accepted: {LABEL}",
    '"a\\0"': rf"'a\x00' is not accepted: {LABEL}",
    '"a\\e[2J"': rf"'a\x1b[2J' is not accepted: {LABEL}",
    "ber\ufefflin": rf"'ber\ufefflin' is not accepted: {LABEL}",
    "b\u0435rlin": f"'b\u0435rlin' is not accepted: {LABEL}",  # a Cyrillic letter that looks like a Latin one
    "ｂerlin": f"'ｂerlin' is not accepted: {LABEL}",  # noqa: RUF001 - a full-width letter
    "berlin\u200b": rf"'berlin\u200b' is not accepted: {LABEL}",
    "x" * 64: f"'{'x' * 59}… is not accepted: {LABEL}",
    "x" * 260: f"'{'x' * 59}… is not accepted: {LABEL}",
}


@pytest.mark.parametrize(("written", "why"), NAMES.items(), ids=[ascii(name)[:20] for name in NAMES])
def test_a_name_that_is_none_is_refused_with_what_to_do(written, why):
    assert told(FLEET.replace("name: berlin", f"name: {written}")) == f"f:6:11  sites[0].name  {why}"


@given(st.text())
def test_a_name_is_accepted_only_if_it_is_ascii(name):
    look = "".join(character for character in name if character.isprintable()) or "é"
    quoted = look.replace("'", "''")
    problems = problems_of(FLEET.replace("name: berlin", f"name: '{quoted}'"))

    assert all(problem.startswith("f:6:1") for problem in problems)
    assert problems or set(look) <= set(f"{string.ascii_lowercase}{string.digits}-")


ADDRESSES = [
    "'::1'", "'fe80::1'", "'::ffff:10.0.0.1'", "10.0.0.300", "10.0.0", "10.0.0.1.2", "010.0.0.1", "10.0.0.01",
    "0x0a.0.0.1", "1.2.3.4/../", "10.0.0.1/24", "' 10.0.0.1'", '"10.0.0.1\\n"', "10.0.0.1:443", "localhost", "''",
    "１0.0.0.1",  # noqa: RUF001 - a full-width digit
]  # fmt: skip


@pytest.mark.parametrize("written", ADDRESSES, ids=ascii)
def test_an_address_that_is_none_is_refused(written):
    assert told(FLEET.replace("10.96.0.50", written)).startswith("f:10:16  sites[0].clusterIP  ")
    assert "is not an IPv4 address: four numbers" in told(FLEET.replace("10.96.0.50", written))


def test_an_address_that_yaml_takes_for_a_number_is_told_so():
    assert told(FLEET.replace("10.96.0.50", "167772161")).endswith("the number 167772161: put it in quotes")


def test_a_file_as_windows_writes_it_is_read():
    assert load("\ufeff" + FLEET.replace("\n", "\r\n"), "f").sites[0].name == "berlin"


def test_tabs_are_refused_with_what_to_do():
    assert told(FLEET.replace("    registry", "\tregistry")) == "f:7:1  YAML is indented with spaces, not tabs"


def unknown(count: int) -> str:
    return "".join(f"  key{i}: x\n" for i in range(count))


def test_of_many_problems_the_first_hundred_are_listed():
    error = refusal(f"{FLEET}rollout:\n{unknown(900)}")

    assert error.problems[0] == "f:12:9  rollout.key0  is no key that arcfleet knows"
    assert (len(error.problems), error.more) == (100, 800)
    assert str(error).endswith("\n… and at least 800 more")


def test_a_problem_of_the_defaults_is_told_once_however_many_sites_have_it():
    sites = "".join(SITE.replace("berlin", f"site{i}") for i in range(400))

    assert refusal(f"{HEAD}defaults:\n{unknown(99)}sites:\n{sites}").more == 0


def test_sites_are_not_looked_at_once_there_is_enough_to_tell():
    sites = "".join(f"  - {{name: s{i}, {', '.join(f'k{j}: x' for j in range(200))}}}\n" for i in range(400))
    error = refusal(f"{HEAD}sites:\n{sites}")

    assert 100 + error.more < ENOUGH + 300 < 400 * 200


SMALL = "  - {name: a}\n"
LARGE = {
    "sites": (f"{HEAD}sites:\n{SMALL * 6000}", "f:5006:5  sites[5000]  is one more than 5,000 sites"),
    "values": (
        f"{HEAD}sites:\n" + SITE * 30_000,
        "holds more than 200,000 keys and values: that is no fleet of one run",
    ),
    "labels of a site": (
        f"{FLEET}    labels: {{{', '.join(f'k{i}: x' for i in range(2000))}}}\n",
        "the map holds more than 1000 keys",
    ),
    "groups for as many sites": (
        f"{HEAD}groups:\n" + "  - {match: {labels: {a: b}}, set: {}}\n" * 2000 + f"sites:\n{SMALL * 2000}",
        "f:6:3  groups  are too many for 2,000 sites",
    ),
    "defaults for as many sites": (
        f"{HEAD}defaults: {{labels: {{{', '.join(f'k{i}: x' for i in range(900))}}}}}\nsites:\n{SMALL * 2000}",
        "sites[331]  the sites so far have over 300,000 values, merged",
    ),
    "one text": (f"{FLEET}    labels: {{a: {'x' * 2_000_000}}}\n", "is too long: 2,048 characters at most"),
    "an image": (
        f"{FLEET}    workloads: [{{name: a, image: {'a-' * 1_000_000}}}]\n",
        f"'{'a-' * 29}a… is longer than any image's name",
    ),
    "a time": (
        f"{FLEET}    timeouts: {{sync: {'1m' * 1_000_000}}}\n",
        f"'{'1m' * 29}1… is no duration: write for example",
    ),
    "a cron": (
        f"{FLEET}    connectedRegistrySettings: {{schedule: '{'* ' * 1_000_000}'}}\n",
        f"'{'* ' * 29}*… is no cron expression of five fields",
    ),
    "a key": (f"{FLEET}    {'x' * 900}: 1\n", f"'{'x' * 59}…  is no key that arcfleet knows"),
}


@pytest.mark.parametrize(("text", "why"), LARGE.values(), ids=LARGE)
def test_what_is_larger_than_any_fleet_is_refused_before_it_costs_much(text, why):
    problem = refusal(text).problems[0]

    assert why in problem
    assert len(problem) < 300


def test_many_groups_and_sites_are_fine_within_the_limits():
    groups = "".join(
        f"  - {{match: {{labels: {{line: '{i}'}}}}, set: {{timeouts: {{sync: {i + 1}m}}}}}}\n" for i in range(90)
    )
    sites = "".join(SITE.replace("berlin", f"site{i}") + f"    labels: {{line: '{i % 90}'}}\n" for i in range(50))

    fleet = load(f"{HEAD}groups:\n{groups}sites:\n{sites}", "f")

    assert [site.timeouts.sync.total_seconds() / 60 for site in fleet.sites] == [i + 1 for i in range(50)]
    assert len(fleet.sites) * 91 * 2 < layers.MAX_MATCHES


def test_refusing_takes_no_longer_than_the_file_is_long():
    """Twice the unknown keys take about twice the time: four times would be the square that it once was."""

    def cpu(count: int) -> float:
        sites = "".join(f"  - {{name: s{i}, {', '.join(f'k{i}x{j}: x' for j in range(20))}}}\n" for i in range(count))
        text = f"{HEAD}sites:\n{sites}"
        took = []
        for _ in range(3):
            began = time.process_time()
            refusal(text)
            took.append(time.process_time() - began)
        return min(took)

    assert cpu(200) < 8 * cpu(50) + 0.05


FILES = {
    "an anchor": ("a: &a 1", "web.yaml:1:4  anchors and aliases are not accepted: use defaults"),
    "a key twice": ("a: 1\na: 1", "web.yaml:2:1  a  the key is given twice"),
    "nesting": ("[" * 1000, "web.yaml:1:51  the file nests deeper than 50 levels"),
    "documents": ("---\n" * 2000, "web.yaml:1002:1  the file holds more than 1000 documents"),
    "NUL": ("a\0", "web.yaml:1:2  the character U+0000 is not accepted in YAML"),
    "a tag": (
        "!!python/name:os.system",
        "web.yaml:1:1  the tag 'tag:yaml.org,2002:python/name:os.system' is not accepted here",
    ),
}


@pytest.mark.parametrize(("text", "problem"), FILES.values(), ids=FILES)
def test_a_workloads_manifest_is_read_with_the_same_care(tmp_path, text, problem):
    (tmp_path / "fleet.yaml").write_text(f"{FLEET}    workloads: [{{name: web, manifest: web.yaml}}]\n")
    (tmp_path / "web.yaml").write_text(text)

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(tmp_path / "fleet.yaml")

    assert refused.value.problems == (problem,)


@given(st.one_of(st.text(), st.text(alphabet="[]{}:,-?!&*<>|%@#'\"\\ \n\tab01x_.e~=")))
def test_any_text_is_a_fleet_or_a_list_of_problems_with_places(text):
    assert all(line.startswith("f:") for line in refusal(text).problems)


def mutated(text: str, seed: int) -> str:
    """Return a fleet file with a few characters of it changed, at random but the same for a seed."""
    chance = random.Random(seed)
    characters = list(text)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(characters))
        characters[place] = chance.choice(
            ["", "\n", " ", ":", "-", "null", "0", "[", "}", "x: ", "\t", "'", "é", "&", "!"]
        )
    return "".join(characters)


@given(st.integers(0, 10**9))
def test_a_fleet_with_a_slip_of_the_pen_is_read_or_refused_with_places(seed):
    text = mutated(f"{FLEET}    timeouts: {{sync: 1h}}\n    kube: {{context: x}}\ngroups: []\n", seed)
    assert all(line.startswith("f:") for line in problems_of(text))


@given(st.text())
def test_any_text_as_a_workloads_manifest_is_refused_with_its_file(text):
    with pytest.raises(ManifestError) as refused:
        workloads.parse_manifest(text, "w")

    assert all(line.startswith("w") for line in refused.value.problems)


def test_the_scanner_is_the_fast_one_where_pyyaml_brings_it():
    assert source._SCANNER is (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)
