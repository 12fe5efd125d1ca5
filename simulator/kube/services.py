"""Cluster addresses of services.

The rules were measured (service_dryrun, service_real, servicecidr, servicecidr_multi; 1.36.2 and 1.32.13):

- a dry run checks only the range and never whether the address is taken, and with several ServiceCIDRs it looks at
  an arbitrary one;
- a real create says `the provided network does not match the current range` for an address outside all ranges
  (1.33 and later; 1.32 repeats the dry run's words) and `provided IP is already allocated` for a taken one;
- the first address of the first range belongs to the service default/kubernetes;
- deleting a service frees its address at once.
"""

import ipaddress
import random
from collections.abc import Sequence

from simulator.clock import Clock
from simulator.kube.errors import FieldError
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.times import stamp
from simulator.kube.worker import Worker

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
_NETWORK = ipaddress.IPv4Network
_ADDRESSES, _RANGES, _SERVICES = (BY_NAME[name] for name in ("ipaddresses", "servicecidrs", "services"))


class RefusedError(Exception):
    """An address that may not be used; `error` says which field and why."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.message)
        self.error = error


class Addresses:
    """Gives addresses to services.

    Args:
        store: Where services, ServiceCIDRs and IPAddresses are.
        minor: The minor version: up to 1.32 has neither of the latter two as v1 and other words.
        chance: For addresses nobody chose, and for the range that a dry run looks at.
    """

    def __init__(self, store: Store, minor: int, ranges: Sequence[str], chance: random.Random) -> None:
        self._store = store
        self._minor = minor
        self._fixed = tuple(_NETWORK(cidr) for cidr in ranges)
        self._chance = chance

    def claim(self, service: Object, *, dry_run: bool) -> None:
        """Give the service its address, in place; the one that it asks for, or any.

        Raises:
            RefusedError: The address is none, out of range or taken.
        """
        spec = service["spec"]
        asked = spec.get("clusterIP") or ""
        if spec["type"] == "ExternalName":
            return
        if asked == "None":
            spec |= {"clusterIPs": ["None"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}
            return
        if asked:
            self._check(asked, dry_run=dry_run)
        address = asked or self._any(dry_run=dry_run)
        spec |= {"clusterIP": address, "clusterIPs": [address]}
        spec |= {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}

    def record(self, service: Object) -> Object | None:
        """Return the IPAddress object of a stored service, None where the version or the service has none."""
        address = service["spec"].get("clusterIP")
        if self._minor < _ADDRESSES.since or not address or address == "None":
            return None
        parent = {"resource": "services", "namespace": service["metadata"]["namespace"]}
        labels = {"ip-family": "IPv4", "managed-by": "ipallocator.k8s.io"}
        return {
            "kind": "IPAddress",
            "apiVersion": "networking.k8s.io/v1",
            "metadata": {
                "name": address,
                "labels": {f"ipaddress.kubernetes.io/{name}": value for name, value in labels.items()},
            },
            "spec": {"parentRef": parent | {"name": service["metadata"]["name"]}},
        }

    def _ranges(self) -> tuple[ipaddress.IPv4Network, ...]:
        cidrs = [cidr for item in self._store.items(_RANGES) for cidr in item["spec"].get("cidrs") or []]
        listed = [_NETWORK(cidr) for cidr in cidrs if ":" not in cidr]
        return tuple(listed) or self._fixed

    def _check(self, text: str, *, dry_run: bool) -> None:
        address = self._parse(text)
        ranges = self._ranges()
        if dry_run or self._minor < _RANGES.since:
            chosen = self._chance.choice(ranges)
            if not _usable(address, chosen):
                detail = f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {chosen}"
                raise self._refuse(text, detail)
        elif not any(_usable(address, each) for each in ranges):
            raise self._refuse(text, "the provided network does not match the current range")
        if not dry_run and text in self._taken():
            raise self._refuse(text, "provided IP is already allocated")

    def _parse(self, text: str) -> ipaddress.IPv4Address:
        field = "spec.clusterIPs[0]"
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            if _has_leading_zero(text):
                if self._minor < _RANGES.since:
                    return ipaddress.IPv4Address(".".join(str(int(part)) for part in text.split(".")))
                raise RefusedError(FieldError.invalid(field, text, "must not have leading 0s")) from None
            detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            raise RefusedError(FieldError.invalid(field, text, detail)) from None
        if isinstance(address, ipaddress.IPv6Address):
            raise RefusedError(FieldError.invalid(field, [text], "IPv6 is not configured on this cluster"))
        return address

    def _refuse(self, text: str, detail: str) -> RefusedError:
        field, detail = "spec.clusterIPs", f"failed to allocate IP {text}: {detail}"
        if self._minor >= _RANGES.since:
            return RefusedError(FieldError.invalid(field, [text], detail))
        message = f'Invalid value: []string{{"{text}"}}: {detail}'
        return RefusedError(FieldError(field, "FieldValueInvalid", message))

    def _taken(self) -> set[str]:
        services = (service["spec"].get("clusterIP", "") for service in self._store.items(_SERVICES))
        return {*services, *(address["metadata"]["name"] for address in self._store.items(_ADDRESSES))}

    def _any(self, *, dry_run: bool) -> str:
        """Return a free address of the upper band; the lower one is kept for addresses that people choose."""
        first = self._ranges()[0]
        if dry_run:
            return str(first.network_address)
        size = first.num_addresses
        reserved = min(max(16, size // 16), 256)
        low = min(reserved, size // 2)
        taken = self._taken()
        start = self._chance.randrange(low, size - 1)
        for index in (*range(start, size - 1), *range(low, start), *range(1, low)):
            address = str(first[index])
            if address not in taken:
                return address
        raise RefusedError(
            FieldError("spec.clusterIPs", "InternalError", "failed to allocate a serviceIP: range is full")
        )


class Ranges:
    """Makes a new ServiceCIDR ready, as its controller does (servicecidr_multi: finalizer and condition)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._worker = Worker(clock, self.sync)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _RANGES and event.type == "ADDED":
            self._worker.add(key_of(event.object))

    def sync(self, key: Key) -> None:
        """Mark one range as ready."""
        found = self._store.get(_RANGES, key)
        if found is not None and not found.get("status"):
            metadata = found["metadata"] | {"finalizers": [FINALIZER]}
            self._store.put(_RANGES, found | {"metadata": metadata, "status": ready(stamp(self._clock.now()))})


def ready(now: str) -> Object:
    """Return the status of a ServiceCIDR in use."""
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": now, "reason": ""}
    return {"conditions": [condition | {"message": "Kubernetes Service CIDR is ready"}]}


def _has_leading_zero(text: str) -> bool:
    """Return whether a text is an IPv4 address but for zeros in front of a part."""
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _usable(address: ipaddress.IPv4Address, network: ipaddress.IPv4Network) -> bool:
    ends = (network.network_address, network.broadcast_address)
    return address in network and address not in ends
