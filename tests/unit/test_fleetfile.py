"""Loading from disk: the fleet file and the manifests that it names."""

import pytest
from examples import FLEET

from arcfleet import fleetfile
from arcfleet.errors import ManifestError

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: web}]}}}
"""


def write(folder, text=FLEET, **files):
    path = folder / "fleet.yaml"
    path.write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return path


def naming(*paths: str) -> str:
    return (
        FLEET + f"    workloads: [{', '.join(f'{{name: w{i}, manifest: {path}}}' for i, path in enumerate(paths))}]\n"
    )


def test_a_fleet_is_loaded_with_its_manifests(tmp_path):
    path = write(tmp_path, naming("web.yaml"), web=MANIFEST)

    fleet = fleetfile.load(str(path))

    assert [item["kind"] for item in fleet.manifests["web.yaml"]] == ["Deployment"]


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET, encoding="utf-8-sig")

    assert fleetfile.load(path).name == "test"


def test_every_manifest_that_cannot_be_used_is_told(tmp_path):
    path = write(tmp_path, naming("gone.yaml", "bad.yaml", "'.'"), bad="kind: Pod")

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(path)

    assert list(refused.value.problems) == [
        "gone.yaml  can't be read: No such file or directory",
        "bad.yaml  document 1: is no Kubernetes object with a metadata.name",
        ".  can't be read: Is a directory",
    ]


def test_a_fleet_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"fleet\.yaml  can't be read: No such file or directory"):
        fleetfile.load(tmp_path / "fleet.yaml")


def test_a_file_that_is_no_text_is_told(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ManifestError, match=r"fleet\.yaml  can't be read: it is no UTF-8 text"):
        fleetfile.load(path)
