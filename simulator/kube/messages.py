"""The field numbers of the protobuf messages that typed Go clients send.

A line is a message, `number name` its fields; their types are those of `schema`, unless one is written behind a
colon: `bytes`, `Quantity` and `Time` exist on the wire only. A `?` marks a pointer: such a field is sent only when
it is set, so that its zero means something; any other is sent always, and its zero means nothing. The name `*` is a
message whose fields belong to the one around it.

Source: generated.proto of k8s.io/api (core, apps, rbac, authorization, authentication v1) and of apimachinery's
meta/v1. What is not here is refused by `protobuf`: nothing that a client sent may get lost in silence.
"""

from dataclasses import dataclass

from simulator.kube.schema import STRUCTS, Type, parse

_TEXT = """
ObjectMeta: 1 name 2 generateName 3 namespace 4 selfLink 5 uid 6 resourceVersion 7 generation
  8 creationTimestamp:Time 9 deletionTimestamp:Time 10 deletionGracePeriodSeconds? 11 labels 12 annotations
  13 ownerReferences 14 finalizers
OwnerReference: 1 kind 3 name 4 uid 5 apiVersion 6 controller? 7 blockOwnerDeletion?
LabelSelector: 1 matchLabels 2 matchExpressions
LabelSelectorRequirement: 1 key 2 operator 3 values
LocalObjectReference: 1 name
Secret: 1 metadata 2 data:{bytes} 3 type 4 stringData 5 immutable?
ConfigMap: 1 metadata 2 data 3 binaryData:{bytes} 4 immutable?
Namespace: 1 metadata
ServiceAccount: 1 metadata 3 imagePullSecrets:[LocalObjectReference] 4 automountServiceAccountToken?
Service: 1 metadata 2 spec
ServiceSpec: 1 ports 2 selector 3 clusterIP 4 type 5 externalIPs 7 sessionAffinity 8 loadBalancerIP
  9 loadBalancerSourceRanges 10 externalName 11 externalTrafficPolicy 12 healthCheckNodePort
  13 publishNotReadyAddresses 17 ipFamilyPolicy? 18 clusterIPs 19 ipFamilies 20 allocateLoadBalancerNodePorts?
  21 loadBalancerClass? 22 internalTrafficPolicy? 23 trafficDistribution?
ServicePort: 1 name 2 protocol 3 port 4 targetPort 5 nodePort 6 appProtocol?
ResourceQuota: 1 metadata 2 spec
ResourceQuotaSpec: 1 hard:{Quantity} 2 scopes
PersistentVolumeClaim: 1 metadata 2 spec
PersistentVolumeClaimSpec: 1 accessModes 2 resources 3 volumeName 4 selector? 5 storageClassName? 6 volumeMode?
  9 volumeAttributesClassName?
Pod: 1 metadata 2 spec
PodTemplateSpec: 1 metadata 2 spec
PodSpec: 1 volumes 2 containers 3 restartPolicy 4 terminationGracePeriodSeconds? 5 activeDeadlineSeconds?
  6 dnsPolicy 7 nodeSelector 8 serviceAccountName 9 serviceAccount 10 nodeName 11 hostNetwork 12 hostPID 13 hostIPC
  15 imagePullSecrets 16 hostname 17 subdomain 19 schedulerName 20 initContainers 21 automountServiceAccountToken?
  22 tolerations 24 priorityClassName 25 priority? 27 shareProcessNamespace? 29 runtimeClassName?
  30 enableServiceLinks? 31 preemptionPolicy? 32 overhead:{Quantity} 35 setHostnameAsFQDN? 37 hostUsers?
Container: 1 name 2 image 3 command 4 args 5 workingDir 6 ports 7 env 8 resources 9 volumeMounts
  13 terminationMessagePath 14 imagePullPolicy 16 stdin 17 stdinOnce 18 tty 19 envFrom 20 terminationMessagePolicy
  24 restartPolicy?
ContainerPort: 1 name 2 hostPort 3 containerPort 4 protocol 5 hostIP
EnvVar: 1 name 2 value 3 valueFrom?
EnvVarSource: 3 configMapKeyRef? 4 secretKeyRef?
ConfigMapKeySelector: 1 *:LocalObjectReference 2 key 3 optional?
SecretKeySelector: 1 *:LocalObjectReference 2 key 3 optional?
EnvFromSource: 1 prefix 2 configMapRef? 3 secretRef?
ConfigMapEnvSource: 1 *:LocalObjectReference 2 optional?
SecretEnvSource: 1 *:LocalObjectReference 2 optional?
ResourceRequirements: 1 limits:{Quantity} 2 requests:{Quantity}
VolumeMount: 1 name 2 readOnly 3 mountPath 4 subPath 5 mountPropagation? 6 subPathExpr 7 recursiveReadOnly?
Volume: 1 name 2 *:VolumeSource
VolumeSource: 10 persistentVolumeClaim:PersistentVolumeClaimVolumeSource?
PersistentVolumeClaimVolumeSource: 1 claimName 2 readOnly
Toleration: 1 key 2 operator 3 value 4 effect 5 tolerationSeconds?
Deployment: 1 metadata 2 spec
DeploymentSpec: 1 replicas? 2 selector? 3 template 4 strategy 5 minReadySeconds 6 revisionHistoryLimit? 7 paused
  9 progressDeadlineSeconds?
DeploymentStrategy: 1 type 2 rollingUpdate?
RollingUpdate: 1 maxUnavailable? 2 maxSurge?
ReplicaSet: 1 metadata 2 spec
ReplicaSetSpec: 1 replicas? 2 selector? 3 template 4 minReadySeconds
DaemonSet: 1 metadata 2 spec
DaemonSetSpec: 1 selector? 2 template 3 updateStrategy 4 minReadySeconds 6 revisionHistoryLimit?
DaemonSetUpdateStrategy: 1 type 2 rollingUpdate?
StatefulSet: 1 metadata 2 spec
StatefulSetSpec: 1 replicas? 2 selector? 3 template 4 volumeClaimTemplates 5 serviceName 6 podManagementPolicy
  7 updateStrategy 8 revisionHistoryLimit? 9 minReadySeconds
StatefulSetUpdateStrategy: 1 type 2 rollingUpdate?
RollingUpdateStatefulSetStrategy: 1 partition? 2 maxUnavailable?
PolicyRule: 1 verbs 2 apiGroups 3 resources 4 resourceNames 5 nonResourceURLs
Role: 1 metadata 2 rules
ClusterRole: 1 metadata 2 rules
RoleBinding: 1 metadata 2 subjects 3 roleRef
ClusterRoleBinding: 1 metadata 2 subjects 3 roleRef
RoleRef: 1 apiGroup 2 kind 3 name
Subject: 1 kind 2 apiGroup 3 name 4 namespace
SelfSubjectAccessReview: 1 metadata 2 spec
SelfSubjectAccessReviewSpec: 1 resourceAttributes? 2 nonResourceAttributes?
ResourceAttributes: 1 namespace 2 verb 3 group 4 version 5 resource 6 subresource 7 name
NonResourceAttributes: 1 path 2 verb
SelfSubjectRulesReview: 1 metadata 2 spec
SelfSubjectRulesReviewSpec: 1 namespace
SelfSubjectReview: 1 metadata
"""


@dataclass(frozen=True, slots=True)
class WireField:
    """One field of a message; `pointer` says whether its zero was meant."""

    name: str
    type: Type
    pointer: bool


def _field(message: str, text: str) -> WireField:
    name, _, written = text.rstrip("?").partition(":")
    kind = parse(written) if written else STRUCTS[message].fields[name]
    return WireField(name, kind, text.endswith("?"))


def _load() -> dict[str, dict[int, WireField]]:
    found: dict[str, dict[int, WireField]] = {}
    for line in _TEXT.replace("\n  ", " ").strip().splitlines():
        message, _, fields = line.partition(": ")
        words = fields.split()
        pairs = zip(words[::2], words[1::2], strict=True)
        found[message] = {int(number): _field(message, text) for number, text in pairs}
    return found


MESSAGES: dict[str, dict[int, WireField]] = _load()
