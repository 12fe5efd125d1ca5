"""The shapes of the objects that clients write, in one small language.

A shape says which fields exist (strict decoding, server-side apply) and how lists and maps merge (server-side
apply, strategic merge). Types are written:

- `str`, `int`, `bool`, `intstr`, `any` (nothing is checked below it);
- `Name` for a struct, `{T}` for a map, `[T]` for a list that is replaced as a whole;
- `[T:key,key]` for a list whose items are found by keys, `[T:]` for a set of values;
- a `!` behind a type: owned as one value (atomic).

Source: the fields are those of Kubernetes' API reference 1.36; list keys and atomicity are the markers
`x-kubernetes-list-type`, `x-kubernetes-list-map-keys`, `x-kubernetes-map-type` of its OpenAPI document.
"""

from dataclasses import dataclass, field

_TEXT = """
ObjectMeta: annotations:{str} creationTimestamp:str deletionGracePeriodSeconds:int deletionTimestamp:str
  finalizers:[str:] generateName:str generation:int labels:{str} managedFields:[any] name:str namespace:str
  ownerReferences:[OwnerReference:uid] resourceVersion:str selfLink:str uid:str
OwnerReference: apiVersion:str blockOwnerDeletion:bool controller:bool kind:str name:str uid:str
Deployment: apiVersion:str kind:str metadata:ObjectMeta spec:DeploymentSpec status:DeploymentStatus
DeploymentSpec: minReadySeconds:int paused:bool progressDeadlineSeconds:int replicas:int
  revisionHistoryLimit:int selector:LabelSelector! strategy:DeploymentStrategy template:PodTemplateSpec
DeploymentStrategy: rollingUpdate:RollingUpdate type:str
RollingUpdate: maxSurge:intstr maxUnavailable:intstr
DeploymentStatus: availableReplicas:int collisionCount:int conditions:[any:type] observedGeneration:int
  readyReplicas:int replicas:int terminatingReplicas:int unavailableReplicas:int updatedReplicas:int
LabelSelector: matchExpressions:[LabelSelectorRequirement] matchLabels:{str}
PodTemplateSpec: metadata:ObjectMeta spec:PodSpec
Pod: apiVersion:str kind:str metadata:ObjectMeta spec:PodSpec status:any
PodSpec: activeDeadlineSeconds:int affinity:Affinity automountServiceAccountToken:bool
  containers:[Container:name] dnsConfig:any dnsPolicy:str enableServiceLinks:bool ephemeralContainers:[any:name]
  evictionResponders:[any] hostAliases:[any:ip] hostIPC:bool hostNetwork:bool hostPID:bool hostUsers:bool
  hostname:str hostnameOverride:str imagePullSecrets:[LocalObjectReference!:name]
  initContainers:[Container:name] nodeName:str nodeSelector:{str}! os:any overhead:{any} preemptionPolicy:str
  priority:int priorityClassName:str readinessGates:[any] resourceClaims:[any:name]
  resources:ResourceRequirements restartPolicy:str runtimeClassName:str schedulerName:str
  schedulingGates:[any:name] schedulingGroup:any securityContext:any serviceAccount:str serviceAccountName:str
  setHostnameAsFQDN:bool shareProcessNamespace:bool subdomain:str terminationGracePeriodSeconds:int
  tolerations:[Toleration] topologySpreadConstraints:[any:topologyKey,whenUnsatisfiable] volumes:[Volume:name]
LocalObjectReference: name:str
Container: args:[str] command:[str] env:[EnvVar:name] envFrom:[EnvFromSource] image:str imagePullPolicy:str
  lifecycle:any livenessProbe:Probe name:str ports:[ContainerPort:containerPort,protocol] readinessProbe:Probe
  resizePolicy:[any] resources:ResourceRequirements restartPolicy:str restartPolicyRules:[any]
  securityContext:any startupProbe:Probe stdin:bool stdinOnce:bool terminationMessagePath:str
  terminationMessagePolicy:str tty:bool volumeDevices:[any:devicePath] volumeMounts:[VolumeMount:mountPath]
  workingDir:str
EnvVar: name:str value:str valueFrom:EnvVarSource
Probe: exec:any failureThreshold:int grpc:any httpGet:any initialDelaySeconds:int periodSeconds:int
  successThreshold:int tcpSocket:any terminationGracePeriodSeconds:int timeoutSeconds:int
ContainerPort: containerPort:int hostIP:str hostPort:int name:str protocol:str
ResourceRequirements: claims:[any:name] limits:{any} requests:{any}
VolumeMount: bindMountOptions:[str] mountPath:str mountPropagation:str name:str readOnly:bool
  recursiveReadOnly:str subPath:str subPathExpr:str
Volume: awsElasticBlockStore:any azureDisk:any azureFile:any cephfs:any cinder:any configMap:any csi:any
  downwardAPI:any emptyDir:any ephemeral:any fc:any flexVolume:any flocker:any gcePersistentDisk:any gitRepo:any
  glusterfs:any hostPath:any image:any iscsi:any name:str nfs:any
  persistentVolumeClaim:PersistentVolumeClaimVolumeSource photonPersistentDisk:any portworxVolume:any
  projected:any quobyte:any rbd:any scaleIO:any secret:any storageos:any vsphereVolume:any
Secret: apiVersion:str data:{str} immutable:bool kind:str metadata:ObjectMeta stringData:{str} type:str
ConfigMap: apiVersion:str binaryData:{str} data:{str} immutable:bool kind:str metadata:ObjectMeta
Namespace: apiVersion:str kind:str metadata:ObjectMeta spec:any status:any
Service: apiVersion:str kind:str metadata:ObjectMeta spec:ServiceSpec status:any
ServiceSpec: allocateLoadBalancerNodePorts:bool clusterIP:str clusterIPs:[str] externalIPs:[str]
  externalName:str externalTrafficPolicy:str healthCheckNodePort:int internalTrafficPolicy:str ipFamilies:[str]
  ipFamilyPolicy:str loadBalancerClass:str loadBalancerIP:str loadBalancerSourceRanges:[str]
  ports:[ServicePort:port,protocol] publishNotReadyAddresses:bool selector:{str}! sessionAffinity:str
  sessionAffinityConfig:any trafficDistribution:str type:str
ServicePort: appProtocol:str name:str nodePort:int port:int protocol:str targetPort:intstr
PersistentVolumeClaim: apiVersion:str kind:str metadata:ObjectMeta spec:PersistentVolumeClaimSpec status:any
PersistentVolumeClaimSpec: accessModes:[str] dataSource:any! dataSourceRef:any resources:ResourceRequirements
  selector:LabelSelector! storageClassName:str volumeAttributesClassName:str volumeMode:str volumeName:str
ServiceAccount: apiVersion:str automountServiceAccountToken:bool imagePullSecrets:[any] kind:str
  metadata:ObjectMeta secrets:[any:name]
LabelSelectorRequirement: key:str operator:str values:[str]
Affinity: nodeAffinity:NodeAffinity podAffinity:any podAntiAffinity:any
NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution:[any]
  requiredDuringSchedulingIgnoredDuringExecution:NodeSelector!
NodeSelector: nodeSelectorTerms:[NodeSelectorTerm]
NodeSelectorTerm: matchExpressions:[NodeSelectorRequirement] matchFields:[NodeSelectorRequirement]
NodeSelectorRequirement: key:str operator:str values:[str]
Toleration: effect:str key:str operator:str tolerationSeconds:int value:str
EnvVarSource: configMapKeyRef:ConfigMapKeySelector! fieldRef:any! fileKeyRef:any! resourceFieldRef:any!
  secretKeyRef:SecretKeySelector!
ConfigMapKeySelector: key:str name:str optional:bool
SecretKeySelector: key:str name:str optional:bool
EnvFromSource: configMapRef:ConfigMapEnvSource prefix:str secretRef:SecretEnvSource
ConfigMapEnvSource: name:str optional:bool
SecretEnvSource: name:str optional:bool
PersistentVolumeClaimVolumeSource: claimName:str readOnly:bool
ReplicaSet: apiVersion:str kind:str metadata:ObjectMeta spec:ReplicaSetSpec status:any
ReplicaSetSpec: minReadySeconds:int replicas:int selector:LabelSelector! template:PodTemplateSpec
DaemonSet: apiVersion:str kind:str metadata:ObjectMeta spec:DaemonSetSpec status:any
DaemonSetSpec: minReadySeconds:int revisionHistoryLimit:int selector:LabelSelector! template:PodTemplateSpec
  updateStrategy:DaemonSetUpdateStrategy
DaemonSetUpdateStrategy: rollingUpdate:RollingUpdate type:str
StatefulSet: apiVersion:str kind:str metadata:ObjectMeta spec:StatefulSetSpec status:any
StatefulSetSpec: minReadySeconds:int ordinals:any persistentVolumeClaimRetentionPolicy:any
  podManagementPolicy:str replicas:int revisionHistoryLimit:int selector:LabelSelector! serviceName:str
  template:PodTemplateSpec updateStrategy:StatefulSetUpdateStrategy volumeClaimTemplates:[PersistentVolumeClaim]
StatefulSetUpdateStrategy: rollingUpdate:RollingUpdateStatefulSetStrategy type:str
RollingUpdateStatefulSetStrategy: maxUnavailable:intstr partition:int
ControllerRevision: apiVersion:str data:any kind:str metadata:ObjectMeta revision:int
ResourceQuota: apiVersion:str kind:str metadata:ObjectMeta spec:ResourceQuotaSpec status:any
ResourceQuotaSpec: hard:{any} scopeSelector:any! scopes:[str]
Event: action:str apiVersion:str count:int eventTime:str firstTimestamp:str involvedObject:ObjectReference!
  kind:str lastTimestamp:str message:str metadata:ObjectMeta reason:str related:ObjectReference!
  reportingComponent:str reportingInstance:str series:any source:EventSource type:str
ObjectReference: apiVersion:str fieldPath:str kind:str name:str namespace:str resourceVersion:str uid:str
EventSource: component:str host:str
Node: apiVersion:str kind:str metadata:ObjectMeta spec:NodeSpec status:any
NodeSpec: configSource:any externalID:str podCIDR:str podCIDRs:[str:] podPreemptionPolicy:any providerID:str
  taints:[Taint] unschedulable:bool
Taint: effect:str key:str timeAdded:str value:str
ServiceCIDR: apiVersion:str kind:str metadata:ObjectMeta spec:ServiceCIDRSpec status:any
ServiceCIDRSpec: cidrs:[str]
StorageClass: allowVolumeExpansion:bool allowedTopologies:[any] apiVersion:str kind:str metadata:ObjectMeta
  mountOptions:[str] parameters:{str} provisioner:str reclaimPolicy:str volumeBindingMode:str
Role: apiVersion:str kind:str metadata:ObjectMeta rules:[PolicyRule]
ClusterRole: aggregationRule:any apiVersion:str kind:str metadata:ObjectMeta rules:[PolicyRule]
PolicyRule: apiGroups:[str] nonResourceURLs:[str] resourceNames:[str] resources:[str] verbs:[str]
RoleBinding: apiVersion:str kind:str metadata:ObjectMeta roleRef:RoleRef! subjects:[Subject]
ClusterRoleBinding: apiVersion:str kind:str metadata:ObjectMeta roleRef:RoleRef! subjects:[Subject]
RoleRef: apiGroup:str kind:str name:str
Subject: apiGroup:str kind:str name:str namespace:str
SelfSubjectAccessReview: apiVersion:str kind:str metadata:ObjectMeta spec:SelfSubjectAccessReviewSpec status:any
SelfSubjectAccessReviewSpec: nonResourceAttributes:NonResourceAttributes resourceAttributes:ResourceAttributes
NonResourceAttributes: path:str verb:str
ResourceAttributes: fieldSelector:any group:str labelSelector:any name:str namespace:str resource:str
  subresource:str verb:str version:str
SelfSubjectRulesReview: apiVersion:str kind:str metadata:ObjectMeta spec:SelfSubjectRulesReviewSpec status:any
SelfSubjectRulesReviewSpec: namespace:str
SelfSubjectReview: apiVersion:str kind:str metadata:ObjectMeta status:any
DeleteOptions: apiVersion:str dryRun:[str] gracePeriodSeconds:int
  ignoreStoreReadErrorWithClusterBreakingPotential:bool kind:str orphanDependents:bool
  preconditions:Preconditions propagationPolicy:str
Preconditions: resourceVersion:str uid:str
Other: apiVersion:str kind:str metadata:ObjectMeta *:any
"""

SCALARS = frozenset({"str", "int", "bool", "intstr"})


@dataclass(frozen=True, slots=True)
class Type:
    """A parsed type. `shape` is `struct`, `map`, `list` or `value`; `of` is what a map or list holds."""

    name: str
    shape: str = "value"
    of: "Type | None" = None
    keys: tuple[str, ...] | None = None
    """Keys of an associative list, () for a set, None for a list replaced as a whole."""
    atomic: bool = False
    fields: dict[str, "Type"] = field(default_factory=dict, compare=False)

    def child(self, name: str) -> "Type | None":
        """Return the type of a field of a struct or of a map's value; None for a field that does not exist."""
        if self.shape == "map":
            return self.of
        if self.shape == "struct":
            return self.fields.get(name) or self.fields.get("*")
        return ANY


ANY = Type("any")
STRUCTS: dict[str, Type] = {}


def of_kind(kind: str) -> Type:
    """Return the shape of a kind; kinds that have none here are free below their metadata."""
    return STRUCTS.get(kind) or STRUCTS["Other"]


def parse(text: str) -> Type:
    """Return the type that is written so; raise nothing: a name without a line of its own is an empty struct."""
    atomic = text.endswith("!")
    text = text.removesuffix("!")
    if text.startswith("{"):
        return Type(text, "map", parse(text[1:-1]), atomic=atomic)
    if text.startswith("["):
        item, keyed, keys = text[1:-1].partition(":")
        names = tuple(key for key in keys.split(",") if key) if keyed else None
        return Type(text, "list", parse(item), names, atomic or names is None)
    if text in SCALARS or text == "any":
        return Type(text, atomic=atomic)
    # A struct may be named before its own line: its fields dictionary is shared and filled by _load.
    return Type(text, "struct", atomic=atomic, fields=_FIELDS.setdefault(text, {}))


_FIELDS: dict[str, dict[str, Type]] = {}


def _load() -> None:
    for line in _TEXT.replace("\n  ", " ").strip().splitlines():
        name, _, fields = line.partition(": ")
        members = _FIELDS.setdefault(name, {})
        for member in fields.split():
            label, _, kind = member.partition(":")
            members[label] = parse(kind)
        STRUCTS[name] = Type(name, "struct", fields=members)


_load()
