"""Random lives of one site: what must hold whatever is done to it, and in whatever order.

The requests go to the simulation itself, without a socket: thousands of them would take longer than they are worth.
"""

import asyncio
import json
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from multidict import CIMultiDict

from simulator.app import Simulation
from simulator.clock import Clock
from simulator.credentials import issued
from simulator.http import Request

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACR = f"{SUB}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"
CONNECTED = f"{ACR}/connectedRegistries/berlin1"
CLUSTERS = f"{SUB}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters"
EXTENSIONS = "/providers/Microsoft.KubernetesConfiguration/extensions/berlin1"
HEADERS = CIMultiDict({"Authorization": "Bearer fake"})
GATEWAY = "acreu1.westeurope.data.azurecr.io"
# The last contact of an instance whose password has just died is at most a minute old; then it is seen as offline.
INTERVAL = 60
BUSY = {"Creating", "Updating", "Deleting"}
WORLD = {
    "time": "2026-11-24T02:00:00Z",
    "registries": [
        {
            "name": "acreu1",
            "images": [{"repository": "app/web", "tag": "stable"}],
            "connectedRegistries": [{"name": "berlin1", "repositories": ["app/web"]}],
        }
    ],
    "clusters": [{"name": "k-0"}, {"name": "k-1"}],
}
cluster = st.sampled_from(["k-0", "k-1"])
slot = st.sampled_from(["password1", "password2"])


class Life(RuleBasedStateMachine):
    """One connected registry, two clusters that may run it, and everybody who meddles."""

    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.simulation = Simulation(WORLD, Clock(manual=True))
        self.passwords = []
        self.dead = {}
        self.last_sync = ""

    def teardown(self):
        if hasattr(self, "loop"):
            self.settle()
            self.loop.close()

    def ask(self, method, path, body=None, **query):
        data = b"" if body is None else json.dumps(body).encode()
        if not path.startswith("/control"):
            query["api-version"] = "2026-09-01-preview"
        request = Request(method, path, query, HEADERS, data, "http://127.0.0.1:1")
        answer = self.loop.run_until_complete(self.simulation(request))
        assert answer.status < 500, answer.body
        if method == "GET":
            self.shows_no_secret(answer.body)
        return answer.status, json.loads(answer.body) if answer.body else None

    def shows_no_secret(self, body):
        assert not any(value.encode() in body for value in issued()[-20:])

    @property
    def now(self):
        return self.simulation.clock.now()

    def connected(self):
        return self.ask("GET", CONNECTED)[1]["properties"]

    def settle(self):
        """Given contact and time every extension comes to its end."""
        for name in ("k-0", "k-1"):
            self.ask("POST", f"/control/sites/{name}", {"connectivity": "Connected"})
        self.step(3 * 86400)
        for name in ("k-0", "k-1"):
            status, extension = self.ask("GET", f"{CLUSTERS}/{name}{EXTENSIONS}")
            assert status == 404 or extension["properties"]["provisioningState"] in {"Succeeded", "Failed", "Canceled"}

    def step(self, seconds):
        self.ask("POST", "/control/step", {"seconds": seconds})

    @rule(slot=slot)
    def generate(self, slot):
        before = dict(self.passwords)
        _, answer = self.ask("POST", f"{ACR}/generateCredentials", {"tokenId": f"{ACR}/tokens/berlin1", "name": slot})
        if slot in before:
            self.dead[before[slot]] = self.now
        self.passwords = [*(p for p in self.passwords if p[0] != slot), (slot, answer["passwords"][0]["value"])]

    @rule(cluster=cluster, slot=slot, patch=st.booleans())
    def write(self, cluster, slot, patch):
        """An accepted write is seen by the next GET."""
        password = dict(self.passwords).get(slot, "never-generated")
        text = (
            f"ConnectedRegistryName=berlin1;SyncTokenName=berlin1;SyncTokenPassword={password};"
            f"ParentGatewayEndpoint={GATEWAY};ParentEndpointProtocol=https"
        )
        mark = f"m{len(issued())}-{self.now.timestamp()}"
        properties = {
            "extensionType": "microsoft.containerregistry.connectedregistry",
            "configurationSettings": {"service.clusterIP": "10.96.0.50", "mark": mark},
            "configurationProtectedSettings": {"connectionString": text},
        }
        path = f"{CLUSTERS}/{cluster}{EXTENSIONS}"
        status, _ = self.ask("PATCH" if patch else "PUT", path, {"properties": properties})
        if status < 300:
            shown = self.ask("GET", path)[1]["properties"]
            assert shown["configurationSettings"]["mark"] == mark
            assert shown["provisioningState"] in BUSY
            assert shown["configurationProtectedSettings"] == {"connectionString": ""}

    @rule(cluster=cluster, slot=slot)
    def deploy(self, cluster, slot):
        self.generate(slot)
        self.write(cluster, slot, patch=False)
        self.step(400)

    @rule(cluster=cluster, force=st.booleans())
    def delete(self, cluster, force):
        path = f"{CLUSTERS}/{cluster}{EXTENSIONS}"
        self.ask("DELETE", path, forceDelete=str(force).lower())
        status, extension = self.ask("GET", path)
        gone = status == 404
        assert gone if force else gone or extension["properties"]["provisioningState"] == "Deleting"

    @rule(cluster=cluster, state=st.sampled_from(["Connected", "Offline"]))
    def connect(self, cluster, state):
        self.ask("POST", f"/control/sites/{cluster}", {"connectivity": state})

    @rule(cluster=cluster, link=st.booleans())
    def cut(self, cluster, link):
        self.ask("POST", f"/control/sites/{cluster}", {"link": link})

    @rule()
    def deactivate(self):
        self.ask("POST", f"{CONNECTED}/deactivate")

    @rule()
    def resync(self):
        self.ask("POST", f"{CONNECTED}/resync")

    @rule(level=st.sampled_from(["Debug", "Warning"]))
    def update(self, level):
        self.ask("PATCH", CONNECTED, {"properties": {"logging": {"logLevel": level}}})
        assert self.connected()["logging"]["logLevel"] == level

    @rule(seconds=st.sampled_from([1, 30, 70, 400, 1000]))
    def wait(self, seconds):
        self.step(seconds)

    @invariant()
    def one_instance_is_active(self):
        """Two instances talk at the same full minutes: only one of them may ever have been let in at one of those."""
        status = self.connected()["activation"]["status"]
        registry = self.simulation.world.registries[ACR.lower()]
        talks = [i.synced for i in registry.instances if i.synced is not None]
        assert len(set(talks)) == len(talks)
        assert sum(i.online(self.now) for i in registry.instances) <= 1
        assert status == ("Active" if registry.connected["berlin1"].activated_by else "Inactive")

    @invariant()
    def who_is_online_has_a_valid_password(self):
        resource = self.simulation.world.registries[ACR.lower()].connected["berlin1"]
        if self.connected()["connectionState"] != "Online":
            return
        died = self.dead.get(resource.instance.connection.password)
        linked = resource.instance.cluster.linked
        # ARM cannot tell a dead password from a cut link before it has seen the silence of 15 minutes.
        patience = timedelta(seconds=INTERVAL) if linked else timedelta(minutes=15, seconds=INTERVAL)
        assert died is None or self.now - died <= patience

    @invariant()
    def last_sync_time_never_decreases(self):
        last = self.connected()["parent"]["syncProperties"].get("lastSyncTime", "")
        assert not self.last_sync or datetime.fromisoformat(last) >= datetime.fromisoformat(self.last_sync)
        self.last_sync = last


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
