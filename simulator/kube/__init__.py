"""The Kubernetes API of one cluster, with the controllers, scheduler and kubelets that make its objects move.

From outside in:

- `cluster` is the facade; `api` routes requests, `access` with `rbac`, `roles` and `reviews` says who may,
  `changes` and `reads` carry them out; `discovery` and `openapi` say what there is;
- `decoding` with `protobuf` and `messages`, `schema`, `defaults`, `validation`, `immutable`, `quotas` and
  `services` are admission, `writes` its order;
- `apply`, `fields` and `patch` are the four patches and who owns which field;
- `store` keeps objects, versions and listeners;
- `deployments` with `rollout`, `replicasets`, `daemonsets` and `statefulsets` with `workloads`, `scheduler`,
  `kubelet` with `player`, `garbage` and `volumes` are the controllers: they listen to the store and act a moment
  later, in simulated time;
- `pull` is the question that a node asks of a registry, which the rest of the simulator answers.
"""

from simulator.kube.bootstrap import NodeSpec
from simulator.kube.cluster import Cluster
from simulator.kube.errors import KubeError
from simulator.kube.pull import PullAnswer, PullRequest
from simulator.kube.roles import ADMIN, UserSpec

__all__ = ["ADMIN", "Cluster", "KubeError", "NodeSpec", "PullAnswer", "PullRequest", "UserSpec"]
