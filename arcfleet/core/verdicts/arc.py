"""The A rule: whether the site's Arc cluster is in contact.

Source: connectivityStatus of a connected cluster; Azure calls it Connected while its last heartbeat is younger than 15
minutes, Expired once its managed identity's certificate has ended.
"""

from __future__ import annotations

from arcfleet.core.facts import ClusterFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason


def judge(cluster: ClusterFacts) -> Finding:
    """Return the finding about an Arc cluster."""
    state = cluster.connectivity.lower()
    if state == "connected":
        return Finding(Verdict.HEALTHY, Reason.OK, "arc", "Connected", "A1")
    heard = f"last heartbeat {cluster.last_heartbeat:%Y-%m-%d %H:%MZ}" if cluster.last_heartbeat else "never heard of"
    expired = state == "expired"
    return Finding(
        Verdict.WAITING,
        Reason.ARC_EXPIRED if expired else Reason.ARC_OFFLINE,
        "arc",
        f"Arc cluster {cluster.name} is {cluster.connectivity}; {heard}",
        "A3" if expired else "A2",
        (f"connectivityStatus {cluster.connectivity}",),
        f"connect the cluster again: az connectedk8s connect --name {cluster.name}"
        if expired
        else "bring the cluster's Arc agents online, then deploy this site again",
    )
