"""What looks like a secret is refused anywhere in a fleet's files, and repeated nowhere."""

import json

import pytest
from examples import FLEET, HEAD, SITE
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core import leaks
from arcfleet.core.fleet.resolve import load
from arcfleet.core.kube import workloads
from arcfleet.errors import ManifestError

PASSWORD = "aB3/" * 10 + "xy" + "+ACR" + "q1W2e3"
SECRETS = {
    "a token's password": PASSWORD,
    "one inside a text": f"user:{PASSWORD}@host",
    "a connection string": "ConnectedRegistryName=x;SyncTokenName=y;SyncTokenPassword=abc;ParentEndpointProtocol=https",
    "a storage account's": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey = abc",
    "a service bus's": "Endpoint=sb://x;SharedAccessKeyName=y;SharedAccessKey=abc",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nabc",
    "a key of no algorithm": "-----BEGIN PRIVATE KEY-----",
}
NO_SECRETS = [
    "",
    "regcred",
    "a" * 200,
    "sha256:" + "0f" * 32,
    "+ACRabcdef",
    "-----BEGIN CERTIFICATE-----",
    "AccountKeyName",
]


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_told_by_its_form(text):
    assert leaks.is_secret(text)
    assert leaks.quote(text) == "(hidden)"


@pytest.mark.parametrize("text", NO_SECRETS)
def test_other_texts_are_no_secrets(text):
    assert not leaks.is_secret(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "'x'"),
        (5, "5"),
        (None, "None"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("x" * 99, f"'{'x' * 59}…"),
        ("\ud800", r"'\ud800'"),
    ],
    ids=["text", "number", "nothing", "escape", "long", "half of a pair"],
)
def test_a_value_is_quoted_short_and_harmless(value, shown):
    assert leaks.quote(value) == shown


LOOKS = "looks like a secret; a fleet file never holds one"
PLACES = {
    "labels": (FLEET + "    labels: {password: x}\n", f"f:11:24  sites[0].labels.password  {LOOKS}"),
    "defaults": (
        f"{HEAD}defaults: {{labels: {{apiKey: x}}}}\nsites:\n{SITE}",
        f"f:5:29  defaults.labels.apiKey  {LOOKS}",
    ),
    "a group": (
        f"{HEAD}groups: [{{match: {{labels: {{client_secret: x}}}}, set: {{}}}}]\nsites:\n{SITE}",
        f"f:5:43  groups[0].match.labels.client_secret  {LOOKS}",
    ),
    "an unknown key": (FLEET + "connectionString: x\n", f"f:11:19  connectionString  {LOOKS}"),
    "a map of secrets": (FLEET + "secrets: {a: b}\n", f"f:11:10  secrets  {LOOKS}"),
    "a value": (FLEET + f"    labels: {{a: '{PASSWORD}'}}\n", f"f:11:17  sites[0].labels.a  its value {LOOKS}"),
    "a value in a list": (
        FLEET + f"    workloads: ['{PASSWORD}']\n",
        f"f:11:17  sites[0].workloads[0]  its value {LOOKS}",
    ),
    "a name": (FLEET.replace("k-berlin", PASSWORD), f"f:9:21  sites[0].cluster.name  its value {LOOKS}"),
    "a key that is one": (
        FLEET + f"    labels: {{'{PASSWORD}': x}}\n",
        f"f:11:13  sites[0].labels  a key of it {LOOKS}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), PLACES.values(), ids=PLACES)
def test_a_secret_is_refused_wherever_it_stands(text, problem):
    with pytest.raises(ManifestError) as refused:
        load(text, "f")

    assert refused.value.problems == (problem,)


def test_a_secret_is_told_alone_so_that_no_other_problem_repeats_it():
    with pytest.raises(ManifestError) as refused:
        load(FLEET.replace("10.96.0.50", PASSWORD).replace("berlinplant", "x"), "f")

    assert refused.value.problems == (f"f:10:16  sites[0].clusterIP  its value {LOOKS}",)


def test_names_of_secrets_are_no_secrets():
    text = f"{FLEET}    clientToken: pull\n    workloads: [{{name: a, image: b, pullSecret: regcred}}]\n"

    assert load(text, "f").sites[0].client_token == "pull"


def test_a_null_deletes_a_key_of_any_name():
    assert "proxy.password" not in load(f"{FLEET}    labels: {{proxy.password: null}}\n", "f").sites[0].labels


CONTAINER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec: {{template: {{spec: {{containers: [{{name: web, image: web, env: [{{name: password, value: '{}'}}]}}]}}}}}}
"""


def test_a_workloads_manifest_may_hold_any_key_but_no_secret_value():
    place = r"w:4:\d+  spec\.template\.spec\.containers\[0\]\.env\[0\]\.value  its value looks like a secret"

    assert len(workloads.parse_manifest(CONTAINER.format("from a mount"), "w")) == 1
    with pytest.raises(ManifestError, match=place):
        workloads.parse_manifest(CONTAINER.format(PASSWORD), "w")


def holding(secret: str) -> st.SearchStrategy:
    """Return values of a fleet file, one of them the secret or with the secret in it."""
    here = st.sampled_from([secret, f"a {secret}", {secret: 1}, [secret]])
    keys = st.sampled_from(["apiVersion", "registries", "sites", "labels", "name", "clusterIP", "x"])
    inner = st.one_of(here, st.dictionaries(keys, here, min_size=1, max_size=3), st.lists(here, min_size=1, max_size=2))
    return st.dictionaries(keys, inner, min_size=1, max_size=4)


@given(holding(PASSWORD), st.booleans())
def test_no_message_repeats_a_secret(value, is_workload):
    text = json.dumps(value)
    with pytest.raises(ManifestError, match="looks like a secret") as refused:
        workloads.parse_manifest(text, "w") if is_workload else load(text, "f")

    assert PASSWORD not in str(refused.value)
