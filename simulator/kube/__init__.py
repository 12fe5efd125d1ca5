"""The Kubernetes API of one cluster, with the controllers, scheduler and kubelets that make its objects move.

From outside in:

- `cluster` is the facade; `api` routes requests, `access` says who may, `changes` and `reads` carry them out;
- `decoding`, `schema`, `defaults`, `validation`, `quotas` and `services` are admission, `writes` its order;
- `apply`, `fields` and `patch` are the four patches and who owns which field;
- `store` keeps objects, versions and listeners;
- `deployments` with `rollout`, `replicasets`, `scheduler`, `kubelet` with `player`, `garbage` and `volumes` are the
  controllers: they listen to the store and act a moment later, in simulated time;
- `pull` is the question that a node asks of a registry, which the rest of the simulator answers.
"""

from simulator.kube.bootstrap import NodeSpec
from simulator.kube.cluster import Cluster
from simulator.kube.errors import KubeError
from simulator.kube.pull import PullAnswer, PullRequest

__all__ = ["Cluster", "KubeError", "NodeSpec", "PullAnswer", "PullRequest"]
