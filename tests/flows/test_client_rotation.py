"""Rotation of the password in pull secrets: pods pull before, during and after it, and those of other sites too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml
from kubernetes.aio import client, config
from prefect.blocks.system import Secret as SecretBlock

from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import Login
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.core.secret import Secret
from arcfleet.gateways import connect
from arcfleet.steps import client_rotation
from arcfleet.steps.observe import observe
from flows.rotate_credentials import rotate_credentials
from tests.conftest import fleet_of, fleet_text, settings_of

# Each new pod signs in at its registry, whatever images the node has.
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "app/web:stable", imagePullPolicy: Always}]}
"""
SIGNING_IN = {"name": "web", "manifest": "web.yaml"}
WAITING_BRIEFLY = {"name": "web", "image": "app/web:stable", "timeout": "30s"}
FAST = {"extensionInstall": 60, "extensionUpdate": 30}
DAY = 25 * 3600


@dataclass
class World:
    """A simulated world and a fleet in it, looked at past arcfleet's flows."""

    sim: object
    text: str

    def site(self, index):
        return fleet_of(self.text).sites[index]

    async def pull_anew(self, index=0):
        """Replace the pods of a site; fails unless the new ones pull their image."""
        manifests = {"web.yaml": workloads.parse_manifest(MANIFEST, "web.yaml")}
        async with connect(settings_of(self.sim)) as gateways:
            facts, (web,) = await observe(gateways, self.site(index), manifests)
            await client_rotation.restart(gateways, self.site(index), facts, web, print)

    def minted(self):
        """Return how many passwords were generated."""
        return self.sim.counters()["byKind"].get("arm POST generateCredentials", 0)

    async def login(self, index=0, host="10.96.0.50", name="regcred"):
        """Return the password for a host that a site's pull secret holds."""
        site = self.site(index).model_copy(update={"cluster_ip": host})
        async with connect(settings_of(self.sim)) as gateways:
            found = await gateways.kubernetes.login(site, "default", name)
        return found.password.reveal()


@pytest.fixture
def start(simulate, tmp_path):
    """Start the world of a fleet whose pods always sign in."""
    (tmp_path / "web.yaml").write_text(MANIFEST)

    def starting(count=1, workload=SIGNING_IN, **options):
        text = fleet_text(count, workloads=[workload], **options)
        # What the simulator is to hold can't be read from a manifest.
        return World(simulate(fleet_of(fleet_text(count, **options)), **FAST), text)

    return starting


async def test_pods_pull_with_the_new_password_and_after_the_old_one_has_ended(start, deploy):
    world = start()
    await deploy(world.sim, world.text)
    old = await world.login()
    async with connect(settings_of(world.sim)) as gateways:
        elsewhere = world.site(0).model_copy(update={"cluster_ip": "other.example.com"})
        await gateways.kubernetes.put_login(elsewhere, "default", "regcred", Login("theirs", Secret("kept")))

    rotated = await deploy(world.sim, world.text, flow=rotate_credentials, now=True, restart_pods=True)
    new = await world.login()
    idle = await deploy(world.sim, world.text, flow=rotate_credentials)
    world.sim.step(DAY)
    retired = await deploy(world.sim, world.text, flow=rotate_credentials)
    world.sim.step(600)

    assert [report.outcomes[0].status for report in (rotated, idle, retired)] == ["succeeded", "noop", "succeeded"]
    assert [str(record.step) for record in rotated.outcomes[0].steps][-4:] == [
        "generate credential", "wait healthy", "pull secret", "restart pods",
    ]  # fmt: skip
    assert [str(record.step) for record in retired.outcomes[0].steps].count("retire password") == 2
    assert (await world.login(), await world.login(host="other.example.com")) == (new, "kept")
    assert new != old
    await world.pull_anew()
    # A second rotation finds the slot that it ended itself.
    again = await deploy(world.sim, world.text, flow=rotate_credentials, now=True, restart_pods=True)
    assert again.outcomes[0].status is Status.SUCCEEDED


async def test_a_second_site_never_ends_the_first_ones_pull_secret(start, deploy):
    world = start(2, clientToken="pull")

    assert (await deploy(world.sim, world.text)).result is Result.COMPLETED
    before = [await world.login(index) for index in (0, 1)]
    report = await deploy(world.sim, world.text, flow=rotate_credentials, now=True, max_failures=1)
    world.sim.step(600)

    # Both passwords are in use: the sync tokens' are rotated, the client token's is not, and the reason is told.
    assert [outcome.status for outcome in report.outcomes] == [Status.BLOCKED] * 2
    assert {outcome.finding.reason for outcome in report.outcomes} == {Reason.CLIENT_TOKEN}
    assert all("wait healthy" in [record.step for record in outcome.steps] for outcome in report.outcomes)
    assert len(set(before)) == 2
    assert [await world.login(index) for index in (0, 1)] == before
    for index in (0, 1):
        await world.pull_anew(index)


async def test_passwords_of_the_users_own_reach_the_pull_secret_and_none_is_generated(start, deploy, monkeypatch):
    await SecretBlock(value="of-a-block").save("own-pull", overwrite=True)
    world = start(pullSecretFrom={"username": "plant1-pull", "prefectSecret": "own-pull"}, workload=WAITING_BRIEFLY)
    missing = world.text.replace("own-pull", "nowhere")

    refused = await deploy(world.sim, missing)
    assert (refused.outcomes[0].finding.reason, world.minted()) == (Reason.PULL_PASSWORD, 0)
    # The pods can't pull with a password of our invention; what is written before them is looked at.
    await deploy(world.sim, world.text)
    assert (await world.login(), world.minted()) == ("of-a-block", 1)
    by_variable = world.text.replace("prefectSecret: own-pull", "env: OWN_PULL")
    monkeypatch.setenv("OWN_PULL", "of-a-variable")
    await deploy(world.sim, by_variable)
    assert (await world.login(), world.minted()) == ("of-a-variable", 1)


REFUSAL = {"status": 403, "body": {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}}
TWO = {"name": "job", "manifest": "job.yaml", "pullSecret": "second"}


def secret_api(sim):
    """Return the Kubernetes API of the first site, past arcfleet's flows."""
    return config.new_client_from_config_dict(yaml.safe_load(sim.kubeconfig), context="k-s1")


async def test_a_rotation_that_ends_before_the_first_pull_secret_is_made_good_by_the_next(start, deploy):
    world = start()
    await deploy(world.sim, world.text)
    old = await world.login()
    world.sim.fault({"method": "PATCH", "path": "/secrets/regcred", "after": 1, "times": 1, "effect": REFUSAL})

    failed = await deploy(world.sim, world.text, flow=rotate_credentials, now=True)
    assert (failed.outcomes[0].finding.reason, await world.login()) == (Reason.FORBIDDEN, old)
    await world.pull_anew()
    # Nobody asks for it now: what was begun is due by itself.
    resumed = await deploy(world.sim, world.text, flow=rotate_credentials)
    await world.pull_anew()
    new = await world.login()
    world.sim.step(DAY)
    retired = await deploy(world.sim, world.text, flow=rotate_credentials)
    world.sim.step(600)

    assert [report.outcomes[0].status for report in (resumed, retired)] == [Status.SUCCEEDED] * 2
    assert new != old
    assert await world.login() == new
    await world.pull_anew()


async def test_a_rotation_that_ends_between_two_pull_secrets_goes_on_with_the_password_that_one_has(
    start, deploy, tmp_path
):
    (tmp_path / "job.yaml").write_text(MANIFEST.replace("name: web", "name: job").replace("app: web", "app: job"))
    world = start()
    text = fleet_text(1, workloads=[SIGNING_IN, TWO])
    await deploy(world.sim, text)
    old = await world.login()
    world.sim.fault({"method": "PATCH", "path": "/secrets/second", "after": 1, "times": 1, "effect": REFUSAL})

    failed = await deploy(world.sim, text, flow=rotate_credentials, now=True)
    half, asked = [await world.login(), await world.login(name="second")], world.minted()
    resumed = await deploy(world.sim, text, flow=rotate_credentials)
    whole = [await world.login(), await world.login(name="second")]
    world.sim.step(DAY)
    await deploy(world.sim, text, flow=rotate_credentials)
    world.sim.step(600)

    assert failed.outcomes[0].finding.reason is Reason.FORBIDDEN
    assert (half[1], whole) == (old, [half[0]] * 2)
    assert half[0] != old
    assert resumed.outcomes[0].status is Status.SUCCEEDED
    # The second run made none; the third ended the two old ones.
    assert world.minted() == asked + 2
    await world.pull_anew()


async def test_where_a_pull_secret_does_not_say_what_it_holds_a_person_decides_and_the_remedy_works(start, deploy):
    world = start()
    await deploy(world.sim, world.text)
    world.sim.fault({"method": "PATCH", "path": "/secrets/regcred", "after": 1, "times": 1, "effect": REFUSAL})
    await deploy(world.sim, world.text, flow=rotate_credentials, now=True)
    async with await secret_api(world.sim) as api:
        unsaid = {"metadata": {"annotations": {"arcfleet/password": None}}}
        await client.CoreV1Api(api).patch_namespaced_secret("regcred", "default", unsaid)

    stopped = await deploy(world.sim, world.text, flow=rotate_credentials, now=True)
    await world.pull_anew()

    assert "both may be in use" in stopped.outcomes[0].finding.message
    assert stopped.outcomes[0].finding.remedy.startswith("kubectl delete secret regcred -n default")
    async with await secret_api(world.sim) as api:
        await client.CoreV1Api(api).delete_namespaced_secret("regcred", "default")
    assert (await deploy(world.sim, world.text)).result is Result.COMPLETED
    world.sim.step(DAY)
    assert (await deploy(world.sim, world.text, flow=rotate_credentials)).outcomes[0].status is Status.SUCCEEDED
    world.sim.step(600)
    await world.pull_anew()
