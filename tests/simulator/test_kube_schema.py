"""The simulator's schema knows the fields that the client's models know, and no others."""

import pytest
from kubernetes import client

from simulator.kube.schema import STRUCTS

MODELS = {
    name: getattr(client, {"Event": "CoreV1Event", "Subject": "RbacV1Subject"}.get(name, f"V1{name}"))
    for name in STRUCTS
    # `Other` is every other kind; the other two stand for two of the client's models each.
    if name not in {"Other", "RollingUpdate", "ResourceRequirements"}
}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_struct_has_the_fields_of_the_clients_model(name):
    fields = MODELS[name].model_json_schema()["properties"]

    assert set(STRUCTS[name].fields) == set(fields)
