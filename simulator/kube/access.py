"""Who asks, and whether they may.

Users are told apart by bearer tokens; their rights are the Roles and bindings in the store (`rbac`). Authorization
comes before existence: who may not read a resource is told 403 and not 404 (captures 403_*).
"""

from collections.abc import Mapping

from simulator.kube import errors
from simulator.kube.rbac import MASTERS, Attributes, Authorizer, User
from simulator.kube.resources import Resource
from simulator.kube.roles import UserSpec
from simulator.kube.store import Store

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_ANYBODY = User("kubernetes-admin", (MASTERS, "system:authenticated"))


class Access:
    """Authenticates bearer tokens and refuses what users may not do.

    Args:
        store: Holds the roles and bindings.
        tokens: Users by token. None makes everybody an administrator, with or without a token, as `kubectl proxy`
            does; Go clients such as kubectl send no token over plain HTTP.
    """

    def __init__(self, store: Store, tokens: Mapping[str, UserSpec] | None) -> None:
        self.authorizer = Authorizer(store)
        self._users = None if tokens is None else {token: _user(spec) for token, spec in tokens.items()}

    def authenticate(self, headers: Mapping[str, str]) -> User:
        """Return who sent a request; a token that nobody has is 401."""
        if self._users is None:
            return _ANYBODY
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            return ANONYMOUS
        if token not in self._users:
            raise errors.unauthorized()
        return self._users[token]

    def require(self, user: User, resource: Resource, asked: Attributes) -> None:
        """Raise 403 unless the user may do something to a resource."""
        if self.authorizer.reason(user, asked) is not None:
            return
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        what = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        why = f'User "{user.name}" cannot {asked.verb} resource "{what}" in API group "{asked.group}" {where}'
        raise errors.forbidden(resource, asked.name, why)

    def require_path(self, user: User, verb: str, path: str) -> None:
        """Raise 403 unless the user may read a path that is no resource, such as /apis."""
        if self.authorizer.reason(user, Attributes(verb, path=path)) is None:
            raise errors.forbidden_path(user.name, verb, path)


def _user(spec: UserSpec) -> User:
    return User(spec.name, (*spec.groups, "system:authenticated"))
