"""What can't be told of one site alone: parents, circles of them, and Azure's limits."""

import pytest
from examples import HEAD

from arcfleet.core.fleet.resolve import load
from arcfleet.errors import ManifestError

REGISTRIES = f"{HEAD}  - {{name: acrus1, resourceGroup: rg-acr, subscription: s1}}\n"


def line(name: str, **extra: str) -> str:
    """Return a site in one line."""
    values = {
        "name": name,
        "registry": "acreu1",
        "connectedRegistry": f"{name}plant",
        "cluster": f"{{name: k-{name}, resourceGroup: rg}}",
        "clusterIP": "10.0.0.1",
        **extra,
    }
    return f"  - {{{', '.join(f'{key}: {value}' for key, value in values.items())}}}\n"


def text(*lines: str) -> str:
    return f"{REGISTRIES}sites:\n{''.join(lines)}"


def mode(word: str) -> dict[str, str]:
    return {"connectedRegistrySettings": f"{{mode: {word}}}"}


ACCEPTED = {
    "a chain, children first": text(line("c", parent="b"), line("b", parent="a"), line("a")),
    "siblings": text(line("a"), line("b", parent="a"), line("c", parent="a")),
    "read-only below read-only": text(line("a", **mode("ReadOnly")), line("b", parent="a", **mode("ReadOnly"))),
    "read-only below read-write": text(line("a", **mode("ReadWrite")), line("b", parent="a", **mode("ReadOnly"))),
    "read-write below read-write": text(line("a", **mode("ReadWrite")), line("b", parent="a", **mode("ReadWrite"))),
    "read-write below a mode that is not given": text(line("a"), line("b", parent="a", **mode("ReadWrite"))),
    "no mode below read-only": text(line("a", **mode("ReadOnly")), line("b", parent="a")),
    "one address on two clusters": text(line("a"), line("b")),
    "settings without ensure": text(line("a", connectedRegistrySettings="{repositories: [app/web], logLevel: Debug}")),
    "fifty sites of a registry": text(*(line(f"s{i}") for i in range(50))),
    "a hundred sites of two": text(*(line(f"s{i}", registry=("acreu1", "acrus1")[i % 2]) for i in range(100))),
}


@pytest.mark.parametrize("fleet", ACCEPTED.values(), ids=ACCEPTED)
def test_a_possible_fleet_is_accepted(fleet):
    assert load(fleet, "f").sites


CIRCLE = "the parents go round in a circle: "
REFUSED = {
    "no such parent": (text(line("a", parent="b")), ["sites[0].parent  b is no site of this fleet"]),
    "its own parent": (text(line("a", parent="a")), [f"sites[0].parent  {CIRCLE}a -> a"]),
    "a circle of two": (text(line("a", parent="b"), line("b", parent="a")), [f"sites[0].parent  {CIRCLE}a -> b -> a"]),
    "a circle above": (
        text(line("x", parent="a"), line("a", parent="b"), line("b", parent="a")),
        [f"sites[0].parent  {CIRCLE}a -> b -> a"],
    ),
    "two circles": (
        text(line("a", parent="a"), line("c"), line("b", parent="b")),
        [f"sites[0].parent  {CIRCLE}a -> a", f"sites[2].parent  {CIRCLE}b -> b"],
    ),
    "another registry": (
        text(line("a", registry="acrus1"), line("b", parent="a")),
        ["sites[1].parent  site a is of registry acrus1, this one of acreu1: "
         "a connected registry syncs within one cloud registry"],
    ),
    "read-write below read-only": (
        text(line("a", **mode("ReadOnly")), line("b", parent="a", **mode("ReadWrite"))),
        ["sites[1].parent  site a is ReadOnly; below it only ReadOnly is possible"],
    ),
    "fifty-three sites of a registry": (
        text(*(line(f"s{i}") for i in range(53))),
        ["sites[50].registry  registry acreu1 has 53 sites; Azure takes 50 connected registries in one: "
         "use another for the rest"],
    ),
    "one connected registry on two clusters": (
        text(line("a"), line("b", connectedRegistry="aplant")),
        ["sites[1].connectedRegistry  connected registry aplant is already used by site a"],
    ),
    "a parent that is invalid by itself": (
        text(line("a", connectedRegistry="x"), line("b", parent="a")),
        ["sites[0].connectedRegistry  'x' is not accepted: 5 to 40 letters and digits, a letter first"],
    ),
    "everything at once": (
        text(line("a", parent="x"), line("b", parent="b"), line("b")),
        ["sites[2].name  site b is already used by site b", "sites[2].connectedRegistry  connected registry bplant is "
         "already used by site b", "sites[2].cluster  cluster rg/k-b is already used by site b",
         "sites[0].parent  x is no site of this fleet"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fleet", "problems"), REFUSED.values(), ids=REFUSED)
def test_an_impossible_one_is_refused_with_all_that_is_wrong(fleet, problems):
    with pytest.raises(ManifestError) as refused:
        load(fleet, "f")

    assert [problem.partition("  ")[2] for problem in refused.value.problems] == problems
