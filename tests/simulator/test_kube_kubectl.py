"""kubectl itself against the simulator, where it is installed."""

import asyncio
import json
import shutil

import pytest
import yaml
from kube_harness import HOST, deployment, serving

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

CREATE_SECRET = (
    f"create secret docker-registry regcred --docker-server={HOST} --docker-username=mytoken "
    "--docker-password=mypassword"
)


class Shell:
    """Runs kubectl commands against one site while simulated time goes on."""

    def __init__(self, site, folder):
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
            KUBECTL,
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


async def test_the_articles_commands(tmp_path):
    async with serving() as site:
        kubectl = Shell(site, tmp_path)

        assert await kubectl(CREATE_SECRET) == (0, "secret/regcred created")
        assert (await kubectl(CREATE_SECRET))[1].endswith('secrets "regcred" already exists')
        assert await kubectl(f"apply -f {kubectl.manifest}") == (0, "deployment.apps/hello-world-deployment created")
        assert await kubectl(f"apply -f {kubectl.manifest}") == (0, "deployment.apps/hello-world-deployment unchanged")
        code, text = await kubectl("rollout status deployment/hello-world-deployment --timeout=20s")
        assert (code, text.splitlines()[-1]) == (0, 'deployment "hello-world-deployment" successfully rolled out')
        _, text = await kubectl("get pods -o json")
        (pod,) = json.loads(text)["items"]
        assert pod["status"]["phase"] == "Running"
        _, text = await kubectl("get deployments")
        assert text.splitlines()[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
        assert text.splitlines()[1].split()[:4] == ["hello-world-deployment", "1/1", "1", "1"]
        assert site.pulls[0].password == "mypassword"
        code, text = await kubectl("delete deployment hello-world-deployment")
        assert (code, text) == (0, 'deployment.apps "hello-world-deployment" deleted')
        site.clock.step(5)
        assert await kubectl("get pods") == (0, "No resources found in default namespace.")


async def test_an_update_its_undo_and_server_side_apply(tmp_path):
    async with serving() as site:
        kubectl = Shell(site, tmp_path)
        await kubectl(f"apply -f {kubectl.manifest}")
        name = "deployment/hello-world-deployment"

        assert (await kubectl(f"set image {name} hello-world={HOST}/hello-world:v2"))[0] == 0
        assert (await kubectl(f"rollout status {name} --timeout=20s"))[0] == 0
        assert (await kubectl(f"rollout undo {name}"))[1].endswith("rolled back")
        assert (await kubectl(f"rollout status {name} --timeout=20s"))[0] == 0
        revisions = {each["spec"]["replicas"] for each in site.cluster.list("replicasets", "default")}
        assert revisions == {0, 1}
        code, text = await kubectl(f"apply --server-side -f {kubectl.manifest}")
        assert (code, text) == (0, "deployment.apps/hello-world-deployment serverside-applied")
        assert (await kubectl(f"rollout restart {name}"))[0] == 0
        assert (await kubectl(f"scale {name} --replicas=2"))[0] == 0
        assert (await kubectl(f"rollout status {name} --timeout=20s"))[0] == 0
        site.clock.step(2)
        assert len(site.cluster.list("pods", "default")) == 2


async def test_what_people_look_at(tmp_path):
    async with serving() as site:
        kubectl = Shell(site, tmp_path)
        await kubectl(f"apply -f {kubectl.manifest}")
        await kubectl("create configmap c --from-literal a=b")
        await kubectl("create namespace shop")
        site.clock.step(5)
        for kind, columns in {
            "pods": "NAME READY STATUS RESTARTS AGE",
            "rs": "NAME DESIRED CURRENT READY AGE",
            "svc": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
            "ns": "NAME STATUS AGE",
            "nodes": "NAME STATUS ROLES VERSION AGE",
            "cm": "NAME AGE",
        }.items():
            code, text = await kubectl(f"get {kind}")
            assert (code, " ".join(text.splitlines()[0].split())) == (0, columns)
        assert (await kubectl("get cm c -o jsonpath={.data.a}"))[1] == "b"
        code, text = await kubectl("describe deployment hello-world-deployment")
        assert code == 0
        assert "NewReplicaSetAvailable" in text


async def test_rights_and_identity(tmp_path):
    async with serving() as site:
        kubectl = Shell(site, tmp_path)
        assert await kubectl("auth can-i create deployments") == (0, "yes")
        assert "kubernetes-admin" in (await kubectl("auth whoami"))[1]
