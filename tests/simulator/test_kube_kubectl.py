"""kubectl itself against the simulator: those that ARCFLEET_KUBECTL lists (paths, as in PATH), else the one on PATH."""

import asyncio
import json
import os
import shutil

import pytest
import yaml
from kube_harness import HOST, deployment, serving

from simulator.kube import PullAnswer

LISTED = [path for path in os.environ.get("ARCFLEET_KUBECTL", "").split(os.pathsep) if path]
FOUND = LISTED or [path for path in [shutil.which("kubectl")] if path]
NAME = "deployment/hello-world-deployment"

CREATE_SECRET = (
    f"create secret docker-registry regcred --docker-server={HOST} --docker-username=mytoken "
    "--docker-password=mypassword"
)


@pytest.fixture(params=FOUND or [None])
def shell(request, tmp_path):
    """Return a function that makes a `Shell` for a site."""
    if request.param is None:
        pytest.skip("kubectl is not installed")
    return lambda site: Shell(request.param, site, tmp_path)


class Shell:
    """Runs kubectl commands against one site while simulated time goes on."""

    def __init__(self, kubectl, site, folder):
        self.kubectl = kubectl
        self.site = site
        self.manifest = folder / "deployment.yaml"
        self.manifest.write_text(yaml.safe_dump(deployment()))
        # Over plain HTTP kubectl sends no token.
        cluster = {"name": "c", "cluster": {"server": site.url}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
        config |= {"users": [{"name": "u", "user": {}}], "current-context": "c"}
        self.config = folder / "config"
        self.config.write_text(yaml.safe_dump(config))
        self.folder = folder

    async def __call__(self, command):
        process = await asyncio.create_subprocess_exec(
            self.kubectl,
            *command.split(),
            env={"KUBECONFIG": str(self.config), "HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        reading = asyncio.create_task(process.communicate())
        while not reading.done():
            self.site.clock.step(0.1)
            await asyncio.sleep(0.02)
        return process.returncode, reading.result()[0].decode().strip()

    async def good(self, command):
        """Return what a command that must succeed says."""
        code, text = await self(command)
        assert code == 0, f"kubectl {command}: {text}"
        return text

    async def rolled_out(self, name=NAME):
        text = await self.good(f"rollout status {name} --timeout=20s")
        assert "rolled out" in text.splitlines()[-1] or "complete" in text.splitlines()[-1]


def columns(text):
    return text.splitlines()[0].split()


async def test_the_articles_commands(shell):
    async with serving() as site:
        kubectl = shell(site)

        assert await kubectl(CREATE_SECRET) == (0, "secret/regcred created")
        assert (await kubectl(CREATE_SECRET))[1].endswith('secrets "regcred" already exists')
        assert await kubectl(f"apply -f {kubectl.manifest}") == (0, "deployment.apps/hello-world-deployment created")
        assert await kubectl(f"apply -f {kubectl.manifest}") == (0, "deployment.apps/hello-world-deployment unchanged")
        await kubectl.rolled_out()
        (pod,) = json.loads(await kubectl.good("get pods -o json"))["items"]
        assert pod["status"]["phase"] == "Running"
        text = await kubectl.good("get deployments")
        assert columns(text) == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
        assert text.splitlines()[1].split()[:4] == ["hello-world-deployment", "1/1", "1", "1"]
        assert site.pulls[0].password == "mypassword"
        text = await kubectl.good("delete deployment hello-world-deployment")
        assert text.startswith('deployment.apps "hello-world-deployment" deleted')
        site.clock.step(5)
        assert await kubectl("get pods") == (0, "No resources found in default namespace.")


async def test_an_update_its_undo_and_server_side_apply(shell):
    async with serving() as site:
        kubectl = shell(site)
        await kubectl.good(f"apply -f {kubectl.manifest}")

        await kubectl.good(f"set image {NAME} hello-world={HOST}/hello-world:v2")
        await kubectl.rolled_out()
        assert (await kubectl.good(f"rollout history {NAME}")).splitlines()[2:] == [
            "1         <none>",
            "2         <none>",
        ]
        assert (await kubectl.good(f"rollout undo {NAME}")).endswith("rolled back")
        await kubectl.rolled_out()
        revisions = {each["spec"]["replicas"] for each in site.cluster.list("replicasets", "default")}
        assert revisions == {0, 1}
        text = await kubectl.good(f"apply --server-side -f {kubectl.manifest}")
        assert text == "deployment.apps/hello-world-deployment serverside-applied"
        await kubectl.good(f"rollout restart {NAME}")
        await kubectl.good(f"scale {NAME} --replicas=2")
        await kubectl.rolled_out()
        site.clock.step(2)
        assert len(site.cluster.list("pods", "default")) == 2


async def test_a_diff_shows_what_an_apply_would_do(shell):
    async with serving() as site:
        kubectl = shell(site)
        await kubectl.good(f"apply -f {kubectl.manifest}")
        await kubectl.good(f"diff -f {kubectl.manifest}")
        kubectl.manifest.write_text(yaml.safe_dump(deployment(f"{HOST}/hello-world:v2", minReadySeconds=5)))

        code, text = await kubectl(f"diff -f {kubectl.manifest}")
        assert code == 1
        assert f"+      - image: {HOST}/hello-world:v2" in text
        assert "+  minReadySeconds: 5" in text
        assert await kubectl.good(f"apply -f {kubectl.manifest}") == f"deployment.apps/{NAME.split('/')[1]} configured"
        # What a later manifest leaves out is taken away, which apply finds by its annotation.
        kubectl.manifest.write_text(yaml.safe_dump(deployment()))
        await kubectl.good(f"apply -f {kubectl.manifest}")
        assert "minReadySeconds" not in site.cluster.get("deployments", "default", NAME.split("/")[1])["spec"]


async def test_a_rollout_that_cannot_end(shell):
    async with serving() as site:
        kubectl = shell(site)
        image = f"{HOST}/hello-world:latest"
        site.answers[image] = PullAnswer(error="not found")
        kubectl.manifest.write_text(yaml.safe_dump(deployment(progressDeadlineSeconds=5)))
        await kubectl.good(f"apply -f {kubectl.manifest}")
        site.clock.step(2)

        code, text = await kubectl(f"logs {NAME}")
        assert (code, "is waiting to start: trying and failing to pull image" in text) == (1, True)
        code, text = await kubectl(f"rollout status {NAME} --timeout=20s")
        assert (code, text.splitlines()[-1]) == (
            1,
            'error: deployment "hello-world-deployment" exceeded its progress deadline',
        )
        code, text = await kubectl(f"wait --for=condition=Available {NAME} --timeout=1s")
        assert (code, text) == (1, "error: timed out waiting for the condition on deployments/hello-world-deployment")
        del site.answers[image]
        assert "condition met" in await kubectl.good(f"wait --for=condition=Available {NAME} --timeout=20s")


async def test_what_people_look_at(shell):
    async with serving() as site:
        kubectl = shell(site)
        await kubectl.good(f"apply -f {kubectl.manifest}")
        await kubectl.good("create configmap c --from-literal a=b")
        await kubectl.good("create namespace shop")
        site.clock.step(5)
        for kind, header in {
            "pods": "NAME READY STATUS RESTARTS AGE",
            "pods -o wide": "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
            "deploy -o wide": "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
            "rs": "NAME DESIRED CURRENT READY AGE",
            "svc": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
            "ns": "NAME STATUS AGE",
            "nodes": "NAME STATUS ROLES AGE VERSION",
            "cm": "NAME DATA AGE",
            "sc": "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
            "events": "LAST SEEN TYPE REASON OBJECT MESSAGE",
            "servicecidrs": "NAME CIDRS AGE",
            "ipaddresses": "NAME PARENTREF",
            "clusterroles": "NAME CREATED AT",
            "clusterrolebindings": "NAME ROLE AGE",
        }.items():
            assert columns(await kubectl.good(f"get {kind}")) == header.split(), kind
        assert "standard (default)" in await kubectl.good("get sc")
        assert await kubectl.good("get cm c -o jsonpath={.data.a}") == "b"
        assert yaml.safe_load(await kubectl.good(f"get {NAME} -o yaml"))["spec"]["replicas"] == 1
        assert "NewReplicaSetAvailable" in await kubectl.good("describe deployment hello-world-deployment")
        assert "kubernetes.io/os=linux" in await kubectl.good("describe node node-1")


async def test_typed_creates_come_as_protobuf(shell):
    async with serving() as site:
        kubectl = shell(site)
        for command in (
            "deployment web --image=nginx --replicas=0 --port=80 -- sleep 1",
            "service clusterip web --tcp=80:8080",
            "service externalname far --external-name=example.test",
            "serviceaccount bob",
            "quota q --hard=pods=3,requests.cpu=500m",
            "role reader --verb=get,list --resource=pods,pods/log --resource-name=one",
            "rolebinding bob --role=reader --serviceaccount=default:bob --user=ann --group=staff",
            "clusterrole probe --verb=get --non-resource-url=/healthz",
            "clusterrolebinding probe --clusterrole=probe --user=ann",
        ):
            assert (await kubectl.good(f"create {command}")).endswith(" created"), command

        get = site.cluster.get
        spec = get("deployments", "default", "web")["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        assert (spec["replicas"], container["command"]) == (0, ["sleep", "1"])
        assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
        (port,) = get("services", "default", "web")["spec"]["ports"]
        assert port == {"name": "80-8080", "port": 80, "protocol": "TCP", "targetPort": 8080}
        assert get("services", "default", "far")["spec"]["externalName"] == "example.test"
        assert get("resourcequotas", "default", "q")["spec"] == {"hard": {"pods": "3", "requests.cpu": "500m"}}
        (rule,) = get("roles", "default", "reader")["rules"]
        assert rule == {
            "verbs": ["get", "list"],
            "apiGroups": [""],
            "resources": ["pods", "pods/log"],
            "resourceNames": ["one"],
        }
        subjects = [(each["kind"], each["name"]) for each in get("rolebindings", "default", "bob")["subjects"]]
        assert subjects == [("User", "ann"), ("Group", "staff"), ("ServiceAccount", "bob")]
        code, text = await kubectl("create job j --image=busybox")
        assert (code, "could not find the requested resource" in text) == (1, True)


async def test_rights_and_identity(shell):
    async with serving() as site:
        kubectl = shell(site)
        assert await kubectl("auth can-i create deployments") == (0, "yes")
        assert "kubernetes-admin" in await kubectl.good("auth whoami")
        text = await kubectl.good("auth can-i --list")
        assert columns(text) == ["Resources", "Non-Resource", "URLs", "Resource", "Names", "Verbs"]
        assert "selfsubjectreviews.authentication.k8s.io" in text


async def test_what_the_server_says_of_itself(shell):
    async with serving() as site:
        kubectl = shell(site)
        assert "deploy " in await kubectl.good("api-resources --api-group=apps")
        assert "rbac.authorization.k8s.io/v1" in await kubectl.good("api-versions")
        assert "FIELD: replicas <integer>" in await kubectl.good("explain deployment.spec.replicas")
        assert "name\t<string> -required-" in await kubectl.good("explain pod.spec.containers")
        code, text = await kubectl("explain deployment.spec.replica")
        assert (code, text.splitlines()[-1]) == (1, 'error: field "replica" does not exist')
        wrong = deployment() | {"spec": deployment()["spec"] | {"replica": 1}}
        kubectl.manifest.write_text(yaml.safe_dump(wrong))
        code, text = await kubectl(f"apply -f {kubectl.manifest}")
        assert (code, 'strict decoding error: unknown field "spec.replica"' in text) == (1, True)


async def test_daemon_sets_and_stateful_sets_roll_out(shell):
    async with serving() as site:
        kubectl = shell(site)
        for kind, more, header in (
            ("DaemonSet", {}, "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE"),
            ("StatefulSet", {"replicas": 2, "serviceName": "s"}, "NAME READY AGE"),
        ):
            name = f"{kind.lower()}/app"
            body = deployment() | {"kind": kind, "metadata": {"name": "app"}}
            body["spec"] = {key: body["spec"][key] for key in ("selector", "template")} | more
            kubectl.manifest.write_text(yaml.safe_dump(body))
            await kubectl.good(f"apply -f {kubectl.manifest}")
            await kubectl.rolled_out(name)
            await kubectl.good(f"set image {name} hello-world={HOST}/hello-world:v2")
            await kubectl.rolled_out(name)
            assert columns(await kubectl.good(f"get {name}")) == header.split()
            history = (await kubectl.good(f"rollout history {name}")).splitlines()[2:]
            assert [line.split()[0] for line in history] == ["1", "2"]
            assert "hello-world:latest" in await kubectl.good(f"rollout history {name} --revision=1")
            assert (await kubectl.good(f"rollout undo {name}")).endswith("rolled back")
            await kubectl.rolled_out(name)
            await kubectl.good(f"rollout restart {name}")
            await kubectl.rolled_out(name)
            images = {each["spec"]["containers"][0]["image"] for each in site.cluster.list("pods", "default")}
            assert images == {f"{HOST}/hello-world:latest"}
            await kubectl.good(f"describe {name}")
            await kubectl.good(f"delete {name}")
            site.clock.step(5)
