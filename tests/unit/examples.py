"""A site that is as it should be, piece by piece; each test states only what differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from arcfleet.core.facts import (
    ClusterFacts,
    ConnectedRegistryFacts,
    ContainerFacts,
    ExtensionFacts,
    PasswordFacts,
    PodFacts,
    RegistryFacts,
    SiteFacts,
    TokenFacts,
    WorkloadFacts,
)
from arcfleet.core.fleet import resolve
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import Desired

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOGIN_SERVER = "acreu1.azurecr.io"
DIGEST = f"sha256:{'ab' * 32}"
REGISTRY_ID = "/subscriptions/s1/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"

HEAD = """\
apiVersion: fleet/v1
metadata: {name: test}
registries:
  - {name: acreu1, resourceGroup: rg-acr, subscription: s1}
"""
SITE = """\
  - name: berlin
    registry: acreu1
    connectedRegistry: berlinplant
    cluster: {name: k-berlin, resourceGroup: rg-arc}
    clusterIP: 10.96.0.50
"""
FLEET = f"{HEAD}sites:\n{SITE}"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def fleet(text: str = FLEET) -> Fleet:
    return resolve.load(text, "fleet.yaml")


def site(**extra: Any) -> Site:
    """Return the site of `FLEET`, with more keys in the file's own spelling."""
    lines = "".join(f"    {key}: {value}\n" for key, value in extra.items())
    return fleet(FLEET + lines).sites[0]


def cluster(connectivity: str = "Connected", **values: Any) -> ClusterFacts:
    return ClusterFacts("k-berlin", connectivity, **values)


def cr(**values: Any) -> ConnectedRegistryFacts:
    made = ConnectedRegistryFacts(
        name="berlinplant",
        mode="ReadOnly",
        provisioning_state="Succeeded",
        connection_state="Online",
        activation="Active",
        sync_token_id=f"{REGISTRY_ID}/tokens/berlinplant",
        gateway_endpoint="acreu1.westeurope.data.azurecr.io",
        last_sync=NOW,
        last_activity=NOW,
    )
    return replace(made, **values)


def extension(provisioning_state: str = "Succeeded", **values: Any) -> ExtensionFacts:
    made = ExtensionFacts(
        name="berlinplant",
        extension_type="microsoft.containerregistry.connectedregistry",
        provisioning_state=provisioning_state,
        current_version="1.2.3",
        settings={"service.clusterIP": "10.96.0.50"},
        last_modified=NOW,
    )
    return replace(made, **values)


def token(**made: datetime | None) -> TokenFacts:
    """Return a token whose password slots were made at these times."""
    return TokenFacts("berlinplant", "enabled", "scope", tuple(PasswordFacts(slot, at) for slot, at in made.items()))


def facts(**values: Any) -> SiteFacts:
    parts = {"connected_registry": cr(), "cluster": cluster(), "extension": extension(), **values}
    return SiteFacts(registry=RegistryFacts("acreu1", LOGIN_SERVER, "Premium", True), **parts)


def container(**values: Any) -> ContainerFacts:
    return replace(ContainerFacts("web", "10.96.0.50/app/web:stable"), **values)


def pod(*containers: ContainerFacts, **values: Any) -> PodFacts:
    return replace(PodFacts("web-1", "Running", True, containers=containers), **values)


def deployment(*pods: PodFacts, **values: Any) -> WorkloadFacts:
    made = WorkloadFacts(
        name="web", generation=2, observed_generation=2, desired=1, total=1, updated=1, ready=1, available=1, pods=pods
    )
    return replace(made, **values)


def wanted(image: str = "app/web:stable", **extra: Any) -> Desired:
    """Return a workload of the site, its image at `DIGEST` in the cloud."""
    words = "".join(f", {key}: {value}" for key, value in extra.items())
    here = site(workloads=f'[{{name: web, image: "{image}"{words}}}]')
    needs = workloads.images(here.workloads[0], (), LOGIN_SERVER)
    return workloads.desired(here, here.workloads[0], (), LOGIN_SERVER, dict.fromkeys(needs, DIGEST))


def applied(item: Desired) -> WorkloadFacts:
    """Return the Deployment as the cluster shows it once `item` is applied."""
    spec = item.deployment["spec"]
    return deployment(
        applied_hash=item.deployment["metadata"]["annotations"][workloads.HASH_ANNOTATION],
        images=tuple(c.get("image", "") for c in spec["template"]["spec"]["containers"]),
        live=item.deployment,
    )
