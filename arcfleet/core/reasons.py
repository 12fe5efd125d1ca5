"""Reason: the stable codes that operators, reports and scripts rely on.

Treat the values as a contract: they appear in JSON, in artifacts and on screen.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a verdict is what it is. One code per thing that an operator would do differently."""

    OK = "ok"
    """Nothing is wrong."""

    # Reaching Azure and the cluster
    AUTHENTICATION = "authentication"
    """Azure or Kubernetes did not accept who we are."""
    FORBIDDEN = "forbidden"
    """We are known, but lack a right."""
    THROTTLED = "throttled"
    """The service asked us to slow down."""
    UNREACHABLE = "unreachable"
    """No usable answer: connection refused, reset, timed out, 5xx."""
    BAD_RESPONSE = "bad_response"
    """The service answered with something that its API does not describe."""
    REFUSED = "refused"
    """The service understood the request and said no."""
    CONFLICT = "conflict"
    """Somebody else changes the same thing now."""
    KUBECONFIG = "kubeconfig"
    """The site's kubeconfig or context can't be used."""

    # What must exist before we begin
    REGISTRY_NOT_FOUND = "registry_not_found"
    CONNECTED_REGISTRY_NOT_FOUND = "connected_registry_not_found"
    CLUSTER_NOT_FOUND = "cluster_not_found"
    PARENT_NOT_READY = "parent_not_ready"
    """The parent's site is not as it should be, so nothing is begun below it."""
    HAS_CHILDREN = "has_children"
    """Something below is still there, so what is above is not removed."""
    FOREIGN = "foreign"
    """What has the name is not what arcfleet makes: it is not for arcfleet to delete."""
    IMMUTABLE = "immutable"
    """What exists differs from the fleet file in something that Azure lets nobody change."""
    SYNC_TOKEN_NOT_FOUND = "sync_token_not_found"  # noqa: S105 - a code, not a password
    NO_GATEWAY_ENDPOINT = "no_gateway_endpoint"
    """The parent has no endpoint for connected registries: dedicated data endpoints are off."""

    # Found by the preflight
    NOT_PREMIUM = "not_premium"
    DATA_ENDPOINT_OFF = "data_endpoint_off"
    EMPTY_REGISTRY = "empty_registry"
    PROVIDER_NOT_REGISTERED = "provider_not_registered"
    NO_SUITABLE_NODE = "no_suitable_node"
    STORAGE_CLASS = "storage_class"
    NOT_CHECKED = "not_checked"
    """A prerequisite could not be read; it may or may not hold."""

    # Arc
    ARC_OFFLINE = "arc_offline"
    ARC_EXPIRED = "arc_expired"

    # Extension
    EXTENSION_FAILED = "extension_failed"
    EXTENSION_DEGRADED = "extension_degraded"
    NAME_IN_USE = "name_in_use"
    BAD_VERSION = "bad_version"
    DELETE_IN_PROGRESS = "delete_in_progress"
    HELM_TIMEOUT = "helm_timeout"
    CLUSTER_IP_TAKEN = "cluster_ip_taken"
    CLUSTER_IP_OUT_OF_RANGE = "cluster_ip_out_of_range"
    PROTECTED_SETTINGS_EXPIRED = "protected_settings_expired"
    EXTENSION_IN_PROGRESS = "extension_in_progress"
    EXTENSION_STUCK = "extension_stuck"
    DRIFT = "drift"
    """What runs is not what the fleet file says."""

    # Connected registry
    CREDENTIAL_UNUSABLE = "credential_unusable"
    BAD_CREDENTIAL = "bad_credential"
    """The registry's password was refused: its own log says so."""
    SLOT_UNKNOWN = "slot_unknown"
    """Which of a token's two passwords is in use can't be told, so none is replaced."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Whether a password was generated can't be told: the answers were lost."""
    NOT_ROTATED = "not_rotated"
    """A password is due, but the registry does not work now, so a new password could not be seen to work."""
    ROTATION_DUE = "rotation_due"
    """A password is older than it may be, or ends soon."""
    INSTANCE_ELSEWHERE = "instance_elsewhere"
    ALREADY_ACTIVATED = "already_activated"
    """Another instance holds the activation: the registry's own log says so."""
    NEVER_ACTIVATED = "never_activated"
    DISK = "disk"
    """The connected registry can't write to its volume."""
    REGISTRY_UNHEALTHY = "registry_unhealthy"
    REGISTRY_OFFLINE = "registry_offline"
    REGISTRY_PROGRESSING = "registry_progressing"
    SCHEDULED_GAP = "scheduled_gap"

    # Sync
    NOT_IN_CLOUD = "not_in_cloud"
    NOT_IN_SCOPE = "not_in_scope"
    SYNC_FAILED = "sync_failed"
    SYNC_PENDING = "sync_pending"
    STALE = "stale"
    """The site serves an older digest than the cloud."""
    MESSAGES_EXPIRED = "messages_expired"
    """The site was out of contact for longer than its messages are kept."""

    # Pull secret and workload
    NO_CLIENT_TOKEN = "no_client_token"  # noqa: S105 - a code, not a password
    CLIENT_TOKEN = "client_token"  # noqa: S105 - a code, not a password
    PULL_PASSWORD = "pull_password"  # noqa: S105 - a code, not a password
    """The login that the fleet file names for pull secrets can't be had."""
    IMAGE_NOT_ON_SITE = "image_not_on_site"
    TRUST = "trust"
    HTTP_REGISTRY = "http_registry"
    REGISTRY_UNREACHABLE = "registry_unreachable"
    POD_CONFIG = "pod_config"
    CRASH_LOOP = "crash_loop"
    UNSCHEDULABLE = "unschedulable"
    QUOTA = "quota"
    ROLLOUT_PROGRESSING = "rollout_progressing"
    PROGRESS_DEADLINE = "progress_deadline"
    """Kubernetes gave up on a rollout, and no pod says why."""
    PAUSED = "paused"
    NO_KUBERNETES_ACCESS = "no_kubernetes_access"

    # The bridge
    BRIDGE_SECRET = "bridge_secret"  # noqa: S105 - a code, not a password
    """The secret that senders of notifications must know can't be had."""

    # Everything else
    NOT_CONFIRMED = "not_confirmed"
    """A removal was not confirmed by the fleet's name."""
    STOPPED = "stopped"
    """The run ended before this site: more sites had failed than may, a gate was not passed, or somebody ended it."""
    ABORTED = "aborted"
    """Somebody put an end to the run while this site was worked on."""
    INTERRUPTED = "interrupted"
    """The run's process was told to end while this site was worked on."""
    SKIPPED = "skipped"
    """Somebody told the run to leave this site out."""
    SITE_DEADLINE = "site_deadline"
    """The site took longer than `timeouts.site`."""
    NO_WORKER = "no_worker"
    """The Prefect worker that the site was handed to did not bring it to an end."""
    BUSY = "busy"
    """Another run works on this fleet."""
    NO_RUN = "no_run"
    """No run is under way that could be told anything."""
    LEASE_LOST = "lease_lost"
    """Another run has taken the fleet over, as this one was not heard of for too long."""
    SERVER_LOST = "server_lost"
    """The Prefect server did not answer for so long that another run could soon have taken the fleet over."""
    UNKNOWN_STATE = "unknown_state"
    INTERNAL = "internal"
    """A defect of arcfleet itself."""
