"""What users ask about themselves: SelfSubjectAccessReview, SelfSubjectRulesReview, SelfSubjectReview.

Answers have the shapes of the captures ssar_yes, ssar_no, ssrr and whoami. They are answered and forgotten.
"""

from collections.abc import Callable
from dataclasses import fields

from simulator.kube import errors
from simulator.kube.errors import FieldError
from simulator.kube.rbac import Attributes, Authorizer, User
from simulator.kube.resources import Resource
from simulator.kube.store import Object

_ASKED = frozenset(field.name for field in fields(Attributes))


def answer(resource: Resource, body: Object, user: User, authorizer: Authorizer, now: str) -> Object:
    """Return the answer to a review of one of the three kinds; KubeError where the question makes no sense."""
    review: Callable[[Resource, Object, User, Authorizer, str], Object] = _BY_NAME[resource.name]
    return {"kind": resource.kind, "apiVersion": resource.api_version} | review(resource, body, user, authorizer, now)


def _access(resource: Resource, body: Object, user: User, authorizer: Authorizer, _now: str) -> Object:
    spec = body.get("spec") or {}
    named = [each for each in ("resourceAttributes", "nonResourceAttributes") if spec.get(each)]
    if len(named) != 1:
        raise errors.invalid(resource, "", [_not_one(named, spec)])
    asked = {name: value for name, value in spec[named[0]].items() if name in _ASKED and value}
    reason = authorizer.reason(user, Attributes(**{"verb": ""} | asked))
    status: Object = {"allowed": reason is not None}
    if reason:
        status["reason"] = reason
    shown = {name: value for name, value in spec[named[0]].items() if value}
    return {"metadata": {}, "spec": {named[0]: shown}, "status": status}


def _not_one(named: list[str], spec: Object) -> FieldError:
    if named:
        detail = "cannot be specified in combination with resourceAttributes"
        return FieldError.invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], detail)
    detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    return FieldError.invalid("spec.resourceAttributes", None, detail)


def _rules(_resource: Resource, body: Object, user: User, authorizer: Authorizer, _now: str) -> Object:
    namespace = (body.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    held = authorizer.rules(user, namespace)
    names = ("verbs", "apiGroups", "resources", "resourceNames")
    status = {
        "resourceRules": [_picked(rule, names) for rule in held if rule.get("resources")],
        "nonResourceRules": [
            _picked(rule, ("verbs", "nonResourceURLs")) for rule in held if rule.get("nonResourceURLs")
        ],
        "incomplete": False,
    }
    return {"metadata": {}, "spec": {}, "status": status}


def _picked(rule: Object, names: tuple[str, ...]) -> Object:
    return {name: rule[name] for name in names if rule.get(name)}


def _who(_resource: Resource, _body: Object, user: User, _authorizer: Authorizer, now: str) -> Object:
    info = {"username": user.name, "uid": user.name, "groups": list(user.groups)}
    return {"metadata": {"creationTimestamp": now}, "status": {"userInfo": info}}


_BY_NAME: dict[str, Callable[[Resource, Object, User, Authorizer, str], Object]] = {
    "selfsubjectaccessreviews": _access,
    "selfsubjectreviews": _who,
    "selfsubjectrulesreviews": _rules,
}
