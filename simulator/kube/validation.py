"""Which objects the API server refuses with 422, and its words for it.

The wordings are captured ones (errors.json, secret_create, service_*); the rules behind them are
k8s.io/kubernetes pkg/apis/{core,apps}/validation. Only what clients of deployments, secrets and services can
hit is checked.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

from simulator.kube import selectors
from simulator.kube.errors import FieldError

Object = dict[str, Any]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NOT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_LABEL}(\.{_LABEL})*')"
)
_NOT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_NOT_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_LABEL_1035}')"
)
_NOT_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used "
    "for validation is '[0-9]+%')"
)
_LABEL_NAMED = frozenset({"Namespace"})
_PATH_NAMED = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})
_PATH_NAME = re.compile(r"(?!\.{1,2}$)[^/%]+")


def problems(obj: Object) -> list[FieldError]:
    """Return what is wrong with a new object."""
    found = list(_name(obj))
    checker = _BY_KIND.get(obj["kind"])
    return found + list(checker(obj) if checker else ())


def _name(obj: Object) -> Iterator[FieldError]:
    name = obj["metadata"].get("name", "")
    kind = obj["kind"]
    if not name:
        yield FieldError.required("metadata.name", "name or generateName is required")
    elif kind == "Service":
        if not re.fullmatch(_LABEL_1035, name) or len(name) > 63:
            yield FieldError.invalid("metadata.name", name, _NOT_1035)
    elif kind in _LABEL_NAMED:
        if not re.fullmatch(_LABEL, name):
            yield FieldError.invalid("metadata.name", name, _NOT_LABEL)
    elif kind in _PATH_NAMED:
        if not _PATH_NAME.fullmatch(name):
            yield FieldError.invalid("metadata.name", name, "may not contain '/' or '%'")
    elif not re.fullmatch(_SUBDOMAIN, name):
        yield FieldError.invalid("metadata.name", name, _NOT_SUBDOMAIN)


def _deployment(obj: Object) -> Iterator[FieldError]:
    yield from _workload(obj)
    strategy = obj["spec"]["strategy"]
    if strategy["type"] == "Recreate" and "rollingUpdate" in strategy:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        yield FieldError("spec.strategy.rollingUpdate", "FieldValueForbidden", f"Forbidden: {detail}")
    elif strategy["type"] not in {"Recreate", "RollingUpdate"}:
        yield FieldError.unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])
    for name, value in (strategy.get("rollingUpdate") or {}).items():
        if isinstance(value, str) and not re.fullmatch("[0-9]+%", value):
            yield FieldError.invalid(f"spec.strategy.rollingUpdate.{name}", value, _NOT_PERCENT)


def _workload(obj: Object) -> Iterator[FieldError]:
    spec = obj["spec"]
    if spec.get("replicas", 0) < 0:
        yield FieldError.invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0")
    selector = spec.get("selector")
    labels = spec["template"].get("metadata", {}).get("labels") or {}
    if not selector:
        yield FieldError.required("spec.selector")
    elif not selectors.matches(selector, labels):
        detail = "`selector` does not match template `labels`"
        yield FieldError.invalid("spec.template.metadata.labels", labels, detail)
    yield from pod_spec(spec["template"]["spec"], "spec.template.spec")


def _pod(obj: Object) -> Iterator[FieldError]:
    yield from pod_spec(obj["spec"], "spec")


def pod_spec(spec: Object, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with a pod's spec at `path`."""
    if not spec.get("containers"):
        yield FieldError.required(f"{path}.containers")
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            yield from _container(container, f"{path}.{field}[{index}]")


def _container(container: Object, path: str) -> Iterator[FieldError]:
    name = container.get("name", "")
    if not name:
        yield FieldError.required(f"{path}.name")
    elif not re.fullmatch(_LABEL, name):
        yield FieldError.invalid(f"{path}.name", name, _NOT_LABEL)
    if not container.get("image"):
        yield FieldError.required(f"{path}.image")
    policies = ["Always", "IfNotPresent", "Never"]
    if container["imagePullPolicy"] not in policies:
        yield FieldError.unsupported(f"{path}.imagePullPolicy", container["imagePullPolicy"], policies)
    for index, port in enumerate(container.get("ports") or []):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            detail = "must be between 1 and 65535, inclusive"
            yield FieldError.invalid(f"{path}.ports[{index}].containerPort", number, detail)


_DOCKER_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def _secret(obj: Object) -> Iterator[FieldError]:
    key = _DOCKER_KEYS.get(obj["type"])
    if key is None:
        return
    value = (obj.get("data") or {}).get(key)
    if value is None:
        yield FieldError.required(f"data[{key}]")
        return
    try:
        json.loads(base64.b64decode(value))
    except ValueError as error:
        message = f'Invalid value: "<secret contents redacted>": {_go_words(base64.b64decode(value), error)}'
        yield FieldError(f"data[{key}]", "FieldValueInvalid", message)


def _go_words(text: bytes, error: ValueError) -> str:
    """Return Go's words for bad JSON: which character, and where; an empty text ends unexpectedly."""
    if not text.strip():
        return "unexpected end of JSON input"
    shown = text.decode(errors="replace")
    literal = {"n": "null", "t": "true", "f": "false"}.get(shown[0])
    if literal and len(shown) > 1:
        at = next((i for i, (a, b) in enumerate(zip(shown, literal, strict=False)) if a != b), 0)
        return f"invalid character '{shown[at]}' in literal {literal} (expecting '{literal[at]}')"
    at = min(getattr(error, "pos", 0), len(shown) - 1)
    return f"invalid character '{shown[at]}' looking for beginning of value"


def _service(obj: Object) -> Iterator[FieldError]:
    spec = obj["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec["type"] != "ExternalName":
        yield FieldError.required("spec.ports")
    for index, port in enumerate(spec.get("ports") or []):
        if not isinstance(port.get("port"), int) or not 1 <= port["port"] <= 65535:
            detail = "must be between 1 and 65535, inclusive"
            yield FieldError.invalid(f"spec.ports[{index}].port", port.get("port"), detail)


def _claim(obj: Object) -> Iterator[FieldError]:
    spec = obj["spec"]
    if not spec.get("accessModes"):
        yield FieldError.required("spec.accessModes", "at least 1 access mode is required")
    if not (spec.get("resources") or {}).get("requests", {}).get("storage"):
        yield FieldError.required("spec.resources[storage]")


def _range(obj: Object) -> Iterator[FieldError]:
    cidrs = (obj.get("spec") or {}).get("cidrs") or []
    if not cidrs:
        yield FieldError.required("spec.cidrs", "at least one CIDR required")
    for index, cidr in enumerate(cidrs):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            yield FieldError.invalid(f"spec.cidrs[{index}]", cidr, detail)


def _role(obj: Object) -> Iterator[FieldError]:
    for index, rule in enumerate(obj.get("rules") or []):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            yield FieldError.required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            if obj["kind"] == "Role":
                detail = "namespaced rules cannot apply to non-resource URLs"
                yield FieldError.invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], detail)
            continue
        if not rule.get("apiGroups"):
            yield FieldError.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield FieldError.required(f"{path}.resources", "resource rules must supply at least one resource")


def _role_binding(obj: Object) -> Iterator[FieldError]:
    reference = obj.get("roleRef") or {}
    if reference.get("kind") not in {"ClusterRole", "Role"}:
        yield FieldError.unsupported("roleRef.kind", reference.get("kind", ""), ["ClusterRole", "Role"])
    if not reference.get("name"):
        yield FieldError.required("roleRef.name")


_BY_KIND = {
    "ClusterRole": _role,
    "ClusterRoleBinding": _role_binding,
    "DaemonSet": _workload,
    "Deployment": _deployment,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "ReplicaSet": _workload,
    "Role": _role,
    "RoleBinding": _role_binding,
    "Secret": _secret,
    "Service": _service,
    "ServiceCIDR": _range,
    "StatefulSet": _workload,
}
