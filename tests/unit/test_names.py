"""Names: Azure's and Kubernetes' rules, ARM ids, image references."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core import names
from arcfleet.core.names import ClusterRef, ImageRef, RegistryRef

DIGEST = f"sha256:{'0f' * 32}"
RULES = {
    names.CONNECTED_REGISTRY: (["berlin", "B1234", "a" * 40], ["", "four", "1berlin", "ber-lin", "a" * 41, "berlín"]),
    names.REGISTRY: (["acreu", "12345", "A" * 50], ["", "acr1", "acr-eu", "a" * 51, "acréu1"]),
    names.RESOURCE_GROUP: (
        ["rg", "rg_(1).x-y", "a" * 90],
        ["", "rg.", "a" * 91, "rg 1", "rg/x", "größe", "rg\n"],
    ),
    names.RESOURCE: (["k", "1-a_b.c", "k" * 63], ["", "-k", "_k", ".k", "k" * 64, "k/x", "k\n"]),
    names.DNS_LABEL: (["a", "0", "a-b", "a" * 63], ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64, "a\n"]),
    names.REPOSITORY: (
        ["web", "app/web", "a.b_c__d---e/f0"],
        ["", "Web", "/web", "web/", "a//b", "a..b", "a___b", "-a", "a-"],
    ),
}
ACCEPTED = [(rule, name) for rule, (good, _) in RULES.items() for name in good]
REFUSED = [(rule, name) for rule, (_, bad) in RULES.items() for name in bad]


def shorten(value):
    return value.pattern[:14] if isinstance(value, re.Pattern) else repr(value[:12])


@pytest.mark.parametrize(("rule", "name"), ACCEPTED, ids=shorten)
def test_a_name_within_the_rule_is_accepted(rule, name):
    assert rule.fullmatch(name)


@pytest.mark.parametrize(("rule", "name"), REFUSED, ids=shorten)
def test_a_name_outside_the_rule_is_refused(rule, name):
    assert not rule.fullmatch(name)


@pytest.mark.parametrize("ref", [RegistryRef("s1", "rg", "acreu1"), ClusterRef("s1", "rg", "k-1")], ids=["acr", "arc"])
def test_an_arm_id_ends_in_the_name_and_begins_with_its_scope(ref):
    assert ref.id.startswith("/subscriptions/s1/resourceGroups/rg/providers/Microsoft.")
    assert names.last_segment(ref.id) == ref.name


@pytest.mark.parametrize(
    ("arm_id", "name"),
    [("/a/tokens/berlin1", "berlin1"), ("/a/tokens/berlin1/", "berlin1"), ("berlin1", "berlin1"), ("", "")],
)
def test_the_last_segment_is_the_name(arm_id, name):
    assert names.last_segment(arm_id) == name


IMAGES = {
    "app/web:stable": ("app/web", "stable", "app/web:stable"),
    "app/web": ("app/web", "latest", "app/web:latest"),
    "web": ("web", "latest", "web:latest"),
    "web:_x.Y-1": ("web", "_x.Y-1", "web:_x.Y-1"),
    f"app/web@{DIGEST}": ("app/web", DIGEST, f"app/web@{DIGEST}"),
    f"app/web:stable@{DIGEST}": ("app/web", DIGEST, f"app/web@{DIGEST}"),
    f"web:_x.Y-1@{DIGEST}": ("web", DIGEST, f"web@{DIGEST}"),
}
NO_IMAGES = {
    "empty": "",
    "host": "acreu1.azurecr.io/app/web:1",
    "port": "localhost:5000/web",
    "localhost": "localhost/web",
    "no tag": "web:",
    "no digest": "web@",
    "word for digest": "web@stable",
    "digest for tag": f"web:{DIGEST}",
    "tag, and a word for a digest": "web:1@stable",
    "tag, and a short digest": "web:1@sha256:abc",
    "tag, and no digest": "web:1@",
    "two tags and a digest": f"web:1:2@{DIGEST}",
    "two digests": f"web@{DIGEST}@{DIGEST}",
    "host, tag and digest": f"acreu1.azurecr.io/web:1@{DIGEST}",
    "port, tag and digest": f"localhost:5000/web:1@{DIGEST}",
    "tag and digest of nothing": f":1@{DIGEST}",
    "short digest": "web@sha256:abc",
    "space in tag": "web:a b",
    "tag of 129": f"web:{'t' * 129}",
    "tag begins with a dot": "web:.x",
    "capital": "App/web:1",
    "newline": "web:1\n",
    "option": "--web",
    "slash at the end": "web/",
    "no repository": ":1",
    "long and hopeless": "a-" * 500,
}


@pytest.mark.parametrize(("text", "expected"), IMAGES.items(), ids=IMAGES)
def test_an_image_reference_is_read(text, expected):
    image = ImageRef.parse(text)

    assert (image.repository, image.reference, str(image)) == expected


@pytest.mark.parametrize("text", NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_of_the_own_registry_is_refused(text):
    with pytest.raises(ValueError, match="is no image of the form repository:tag"):
        ImageRef.parse(text)


words = st.text("ab09", min_size=1, max_size=4)
repositories = st.lists(
    st.builds("".join, st.tuples(words, st.sampled_from(["", "__a", "_b", ".c", "---d"]))), min_size=1
)
tags = st.builds("".join, st.tuples(st.sampled_from("aZ9_"), st.text("aZ9_.-", max_size=127)))
digests = st.builds("sha256:{}".format, st.text("0123456789abcdef", min_size=64, max_size=64))


@given(repositories.map("/".join), st.one_of(tags, digests))
def test_writing_and_reading_an_image_gives_the_same(repository, reference):
    image = ImageRef(repository, reference)
    if names.has_host(str(image)):
        return

    assert ImageRef.parse(str(image)) == image


@given(st.text())
def test_no_text_raises_anything_but_value_error(text):
    try:
        image = ImageRef.parse(text)
    except ValueError:
        return

    assert ImageRef.parse(str(image)) == image


HOSTS = {
    "acreu1.azurecr.io/web": True,
    "10.96.0.50/app/web": True,
    "registry:5000/web": True,
    "localhost/web": True,
    "localhost": False,
    "app/web.x:1": False,
    "web:1.2": False,
    "": False,
}


@pytest.mark.parametrize(("image", "expected"), HOSTS.items(), ids=HOSTS)
def test_a_host_is_told_by_dockers_rule(image, expected):
    assert names.has_host(image) is expected


@pytest.mark.parametrize("text", ["10.96.0.50", "0.0.0.0", "255.255.255.255"])  # noqa: S104 - nothing listens there
def test_four_numbers_are_an_ipv4_address(text):
    assert names.is_ipv4(text)


@pytest.mark.parametrize("text", ["", "10.96.0", "10.96.0.256", "010.96.0.50", "::1", "10.96.0.50/24", " 10.96.0.50"])
def test_anything_else_is_no_ipv4_address(text):
    assert not names.is_ipv4(text)


def test_a_longer_text_than_any_image_has_is_refused_unread():
    with pytest.raises(ValueError, match="is longer than any image's name"):
        ImageRef.parse("a" * 1025)


@pytest.mark.parametrize(
    "arm_id",
    [
        "/subscriptions/s1/resourceGroups/RG/providers/Microsoft.Kubernetes/connectedClusters/K",
        "/subscriptions/s1/resourcegroups/RG/providers/microsoft.kubernetes/connectedclusters/K",
    ],
    ids=["as documented", "in lower case"],
)
def test_a_clusters_arm_id_is_read_whatever_its_case(arm_id):
    assert ClusterRef.of_id(arm_id) == ClusterRef("s1", "RG", "K")


NO_CLUSTERS = ["", "/", "/subscriptions/s1", "/subscriptions/s/resourceGroups/g/providers/p/registries/x", "k-berlin"]


@pytest.mark.parametrize("arm_id", NO_CLUSTERS)
def test_what_is_no_clusters_arm_id_is_refused(arm_id):
    with pytest.raises(ValueError, match="is no id of an Arc cluster"):
        ClusterRef.of_id(arm_id)
