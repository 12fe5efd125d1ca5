"""ResourceQuotas, as far as they count objects: `pods`, `services`, `count/deployments.apps` and the like.

The wording is the capture `403_quota`. Amounts of cpu or memory are not counted.
"""

from collections.abc import Iterator

from simulator.kube import errors
from simulator.kube.quantities import quantity
from simulator.kube.resources import BY_NAME, Resource
from simulator.kube.store import Object, Store

_QUOTAS = BY_NAME["resourcequotas"]
_PLAIN = frozenset({"configmaps", "persistentvolumeclaims", "pods", "secrets", "services"})


def check(store: Store, resource: Resource, obj: Object) -> None:
    """Raise 403 when one more object of a resource is more than a quota of its namespace allows."""
    namespace = obj["metadata"].get("namespace", "")
    if not namespace or resource is _QUOTAS:
        return
    for quota in store.items(_QUOTAS, namespace):
        for name, hard in _limits(quota, resource):
            used = len(store.items(resource, namespace))
            if used + 1 > quantity(hard):
                words = f"requested: {name}=1, used: {name}={used}, limited: {name}={hard}"
                why = f"exceeded quota: {quota['metadata']['name']}, {words}"
                raise errors.forbidden(resource, obj["metadata"]["name"], why)


def _limits(quota: Object, resource: Resource) -> Iterator[tuple[str, str]]:
    names = {f"count/{resource.qualified}"} | ({resource.name} & _PLAIN)
    for name, hard in ((quota.get("spec") or {}).get("hard") or {}).items():
        if name in names:
            yield name, str(hard)
