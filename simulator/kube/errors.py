"""The API server's refusals: one exception that carries a Status object, and a builder for each kind.

Every wording was captured from kube-apiserver 1.36.2; the captures' names stand beside the builders that they
pinned down.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.kube.resources import Resource

Object = dict[str, Any]


class KubeError(Exception):
    """A request that the API server refuses; `status` is the Status object that it answers with."""

    def __init__(self, status: Object) -> None:
        super().__init__(status["message"])
        self.status = status

    @property
    def code(self) -> int:
        """Return the HTTP status."""
        return int(self.status["code"])

    @property
    def message(self) -> str:
        """Return the words of the Status."""
        return str(self.status["message"])


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: where, which kind of fault, and the words behind the field's name."""

    field: str
    reason: str
    message: str

    @classmethod
    def invalid(cls, field: str, value: Any, detail: str) -> "FieldError":
        """Return `Invalid value: VALUE: DETAIL`, the value as 1.36 prints it (compact JSON)."""
        shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return cls(field, "FieldValueInvalid", f"Invalid value: {shown}: {detail}")

    @classmethod
    def required(cls, field: str, detail: str = "") -> "FieldError":
        """Return `Required value`."""
        return cls(field, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")

    @classmethod
    def unsupported(cls, field: str, value: Any, supported: Sequence[str]) -> "FieldError":
        """Return `Unsupported value` with what would do."""
        shown = json.dumps(value, separators=(",", ":"))
        choices = ", ".join(f'"{choice}"' for choice in supported)
        message = f"Unsupported value: {shown}: supported values: {choices}"
        return cls(field, "FieldValueNotSupported", message)


def status(code: int, reason: str, message: str, details: Object | None = None, **extra: Any) -> Object:
    """Return a Status object of a failure; an empty reason is left out (as SSA's 500 does)."""
    body: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body["message"] = message
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = details
    return body | {"code": code} | extra


def success(resource: Resource, obj: Object) -> Object:
    """Return the Status of a finished delete."""
    details = _details(resource, obj["metadata"]["name"]) | {"uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _details(resource: Resource, name: str = "", *, kind: str = "") -> Object:
    details = {"name": name, "group": resource.group, "kind": kind or resource.name}
    return {key: value for key, value in details.items() if value}


def already_exists(resource: Resource, name: str) -> KubeError:
    """`409_already_exists`."""
    message = f'{resource.qualified} "{name}" already exists'
    return KubeError(status(409, "AlreadyExists", message, _details(resource, name)))


def bad_request(message: str) -> KubeError:
    """`400_*`."""
    return KubeError(status(400, "BadRequest", message))


def conflict(resource: Resource, name: str) -> KubeError:
    """`409_conflict_put`: an old resourceVersion."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return KubeError(status(409, "Conflict", message, _details(resource, name)))


def expired(message: str, *, resume: str = "") -> KubeError:
    """`410_*`; `resume` is a continue token for an inconsistent rest of the list."""
    body = status(410, "Expired", message)
    if resume:
        body["metadata"] = {"continue": resume}
    return KubeError(body)


def field_manager_conflict(conflicts: Sequence[tuple[str, str]]) -> KubeError:
    """`409_ssa_conflict`: pairs of (owner, dotted field), the owner as `"python" using apps/v1`.

    The form for several is structured-merge-diff's `Conflicts.Error`.
    """
    if len(conflicts) == 1:
        shown = f"conflict with {conflicts[0][0]}: {conflicts[0][1]}"
    else:
        shown = "\n".join(_by_owner(conflicts))
    plural = "conflict" if len(conflicts) == 1 else "conflicts"
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": field}
        for owner, field in conflicts
    ]
    message = f"Apply failed with {len(conflicts)} {plural}: {shown}"
    return KubeError(status(409, "Conflict", message, {"causes": causes}))


def _by_owner(conflicts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for owner in sorted({owner for owner, _ in conflicts}):
        yield f"conflicts with {owner}:"
        yield from (f"- {field}" for other, field in conflicts if other == owner)


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[Object] = ()) -> KubeError:
    """`403_*`: rights, quota or a terminating namespace, told apart by `why` and `causes`."""
    details = _details(resource, name)
    if causes:
        details["causes"] = list(causes)
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return KubeError(status(403, "Forbidden", f"{subject} is forbidden: {why}", details))


def forbidden_path(user: str, verb: str, path: str) -> KubeError:
    """Refuse a path that is no resource (source: apiserver endpoints/handlers/responsewriters)."""
    return KubeError(status(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {}))


def invalid(resource: Resource, name: str, errors: Sequence[FieldError]) -> KubeError:
    """`422_*`: one fault plain, several in brackets."""
    return _invalid(resource.group_kind, name, errors, _details(resource, name, kind=resource.kind))


def invalid_options(kind: str, error: FieldError) -> KubeError:
    """Refuse a query parameter: `400_ssa_no_manager` (a 422 for all its name), dryRun=true."""
    return _invalid(f"{kind}.meta.k8s.io", "", [error], {"group": "meta.k8s.io", "kind": kind})


def _invalid(group_kind: str, name: str, errors: Sequence[FieldError], details: Object) -> KubeError:
    listed = [f"{error.field}: {error.message}" for error in errors]
    shown = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    causes = [{"reason": e.reason, "message": e.message, "field": e.field} for e in errors]
    message = f'{group_kind} "{name}" is invalid: {shown}'
    return KubeError(status(422, "Invalid", message, details | {"causes": causes}))


def method_not_allowed() -> KubeError:
    """`405_method`."""
    message = "the server does not allow this method on the requested resource"
    return KubeError(status(405, "MethodNotAllowed", message, {}))


def not_acceptable() -> KubeError:
    """`406_accept`."""
    kinds = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    message = f"406: Not Acceptable\n\nAvailable representations: {kinds}, {streams}"
    return KubeError(status(406, "NotAcceptable", message, {}))


def not_found(resource: Resource, name: str) -> KubeError:
    """`404_object`."""
    message = f'{resource.qualified} "{name}" not found'
    return KubeError(status(404, "NotFound", message, _details(resource, name)))


def precondition(resource: Resource, name: str, wanted: str, actual: str) -> KubeError:
    """`409_uid_precondition`."""
    message = (
        f'Operation cannot be fulfilled on {resource.group_kind} "{name}": the UID in the precondition '
        f"({wanted}) does not match the UID in record ({actual}). The object might have been deleted and "
        "then recreated"
    )
    return KubeError(status(409, "Conflict", message, _details(resource, name, kind=resource.kind)))


def too_large_resource_version(asked: int, current: int) -> KubeError:
    """`504_future_rv`."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return KubeError(status(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1}))


def unauthorized() -> KubeError:
    """`401_bad_token`."""
    return KubeError(status(401, "Unauthorized", "Unauthorized"))


def unknown_resource() -> KubeError:
    """`404_unknown_resource`: the group exists, the resource does not."""
    return KubeError(status(404, "NotFound", "the server could not find the requested resource", {}))


def unsupported_media_type(patch: bool = False) -> KubeError:
    """`415_media`; for a PATCH the list is another (source: apiserver endpoints/handlers/patch.go)."""
    if patch:
        kinds = (
            "application/json-patch+json, application/merge-patch+json, "
            "application/strategic-merge-patch+json, application/apply-patch+yaml, "
            "application/apply-patch+cbor"
        )
    else:
        kinds = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    message = "the body of the request was in an unknown format - accepted media types include: " + kinds
    return KubeError(status(415, "UnsupportedMediaType", message))
