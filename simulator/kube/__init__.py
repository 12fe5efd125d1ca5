"""The Kubernetes API of one cluster, with the controllers, scheduler and kubelets that make its objects move."""

from simulator.kube.bootstrap import NodeSpec
from simulator.kube.cluster import Cluster
from simulator.kube.errors import KubeError
from simulator.kube.pull import PullAnswer, PullRequest

__all__ = ["Cluster", "KubeError", "NodeSpec", "PullAnswer", "PullRequest"]
