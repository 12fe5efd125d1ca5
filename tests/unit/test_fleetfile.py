"""Loading from disk: the fleet file and the manifests that it names."""

from pathlib import Path

import pytest
from examples import FLEET, HEAD, SITE

from arcfleet import fleetfile
from arcfleet.core.fleet import source
from arcfleet.core.fleet.inventory import FoundCluster
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
        ".  can't be read: it is no file",
    ]


def test_a_fleet_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"fleet\.yaml  can't be read: No such file or directory"):
        fleetfile.load(tmp_path / "fleet.yaml")


def test_a_file_that_is_no_text_is_told(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ManifestError, match=r"fleet\.yaml  can't be read: it is no UTF-8 text"):
        fleetfile.load(path)


def test_a_path_that_no_file_can_have_is_told(tmp_path):
    path = write(tmp_path, naming('"a\\0b.yaml"'))

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(path)

    assert list(refused.value.problems) == ["a\0b.yaml  can't be read: it is no path"]


def too_large(path: Path) -> None:
    """Make a file that would be refused as no text if it were read."""
    with path.open("wb") as file:
        file.write(b"\xff")
        file.truncate(source.MAX_BYTES + 1)


def test_a_fleet_file_that_is_too_large_is_refused_unread(tmp_path):
    too_large(tmp_path / "fleet.yaml")

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(tmp_path / "fleet.yaml")

    assert list(refused.value.problems) == ["fleet.yaml  is larger than 5 MB"]


def test_a_manifest_that_is_too_large_is_refused_unread(tmp_path):
    path = write(tmp_path, naming("big.yaml"))
    too_large(tmp_path / "big.yaml")

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(path)

    assert list(refused.value.problems) == ["big.yaml  is larger than 5 MB"]


def test_a_file_of_just_the_size_that_is_accepted_is_read(tmp_path):
    path = write(tmp_path, FLEET + "#" * (source.MAX_BYTES - len(FLEET)))

    assert fleetfile.load(path).name == "test"


KUBECONFIGS = {
    "beside the fleet file": ("clusters/berlin.yaml", "{folder}/clusters/berlin.yaml"),
    "above the fleet file": ("../berlin.yaml", "{above}/berlin.yaml"),
    "at home": ("~/.kube/berlin", "{home}/.kube/berlin"),
    "anywhere": ("/etc/berlin.yaml", "/etc/berlin.yaml"),
}


@pytest.mark.parametrize(("given", "expected"), KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_a_kubeconfigs_path_holds_from_any_folder(tmp_path, monkeypatch, given, expected):
    above = tmp_path.resolve()
    folder, home = above / "fleet", above / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(folder)
    write(folder, f"{FLEET}    kube: {{kubeconfig: {given}, context: admin}}\n")

    kube = fleetfile.load("fleet.yaml").sites[0].kube

    assert kube.kubeconfig == expected.format(folder=folder, above=above, home=home)
    assert (kube.context, kube.in_cluster) == ("admin", False)


@pytest.mark.parametrize("kube", ["{context: admin}", "null"], ids=["no kubeconfig", "no way at all"])
def test_a_site_without_a_kubeconfig_gets_none(tmp_path, kube):
    found = fleetfile.load(write(tmp_path, f"{FLEET}    kube: {kube}\n")).sites[0].kube

    assert found is None or found.kubeconfig is None


def folder_of(path, **files: str):
    """Write files of these names into a folder and return it."""
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return path


def lyon() -> str:
    return f"sites:\n{SITE.replace('berlin', 'lyon')}    kube: {{kubeconfig: clusters/lyon}}\n"


def test_the_yaml_files_of_a_folder_are_one_fleet(tmp_path):
    folder = folder_of(tmp_path / "plants", b=lyon(), a=naming("workloads/web.yaml"))
    folder_of(folder / "workloads", web=MANIFEST)
    (folder / "README.md").write_text("read me")

    fleet = fleetfile.load(folder)

    assert [site.name for site in fleet.sites] == ["berlin", "lyon"]
    assert list(fleet.manifests) == ["workloads/web.yaml"]
    assert fleet.sites[1].kube.kubeconfig == str(folder.resolve() / "clusters" / "lyon")


def test_a_problem_in_a_folder_names_its_file(tmp_path):
    folder = folder_of(tmp_path, a=FLEET, b=lyon().replace("10.96.0.50", "x"))

    with pytest.raises(ManifestError, match=r"^b\.yaml:6:16  sites\[0\]\.clusterIP  'x' is not an IPv4 address"):
        fleetfile.load(folder)


def test_a_folder_without_a_file_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"the folder holds no file that ends in \.yaml"):
        fleetfile.load(tmp_path)


def test_a_file_of_another_ending_is_not_left_out_in_silence(tmp_path):
    (folder_of(tmp_path, a=FLEET) / "b.yml").write_text(lyon())

    with pytest.raises(ManifestError, match=r"b\.yml  is not read: a fleet's files end in \.yaml"):
        fleetfile.load(tmp_path)


def test_the_files_of_a_folder_are_counted_together(tmp_path):
    folder = folder_of(tmp_path, a=FLEET, b="#" * 3_000_000, c="#" * 3_000_000)
    folder_of(folder, b=lyon() + "#" * 3_000_000)

    with pytest.raises(ManifestError, match=r"c\.yaml, with those before it,  is larger than 5 MB"):
        fleetfile.load(folder)


def test_the_values_of_a_folder_are_counted_together(tmp_path):
    many = f"sites: [{'a,' * 150_000}]"
    folder = folder_of(tmp_path, a=many, b=many)

    with pytest.raises(ManifestError, match=r"b\.yaml:1:\d+  the file holds more than [\d,]+ keys and values"):
        fleetfile.load(folder)


def test_a_folder_of_more_files_than_any_fleet_has_is_refused_unread(tmp_path):
    for number in range(1001):
        (tmp_path / f"{number}.yaml").touch()

    with pytest.raises(ManifestError, match=r"the folder holds more than 1,000 files that end in \.yaml"):
        fleetfile.load(tmp_path)


def test_missing_manifests_of_many_sites_are_listed_up_to_a_hundred(tmp_path):
    workloads = ", ".join(f"{{name: w{i}, manifest: gone{i}.yaml}}" for i in range(150))

    with pytest.raises(ManifestError) as refused:
        fleetfile.load(write(tmp_path, f"{FLEET}    workloads: [{workloads}]\n"))

    assert (len(refused.value.problems), refused.value.more) == (100, 50)


def test_a_fleet_is_loaded_with_the_clusters_that_were_found(tmp_path):
    values = "{registry: acreu1, connectedRegistry: aaaaa, clusterIP: 10.0.0.1, kube: {kubeconfig: x}}"
    path = write(tmp_path, f"{HEAD}sitesFrom: [{{subscription: s1, set: {values}}}]\n")

    (site,) = fleetfile.load(path, {0: [FoundCluster("k-a", "rg", "s1")]}).sites

    assert (site.name, site.kube.kubeconfig) == ("k-a", str(tmp_path.resolve() / "x"))
    assert fleetfile.load(path).sites == ()
