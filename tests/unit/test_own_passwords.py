"""The user's own login for pull secrets: where it comes from, when it is written, and that its value shows nowhere."""

import traceback

import pytest
from examples import FLEET, applied, cr, facts, site, wanted
from fakes import FakeTokens, Script, gateways, port

from arcfleet import fleetfile
from arcfleet.core.fleet.site_parts import PullSecretFrom
from arcfleet.core.kube.workloads import Login
from arcfleet.core.planning.plan import Disposition, plan
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import ManifestError, PermanentError
from arcfleet.gateways.passwords import OwnPasswords
from arcfleet.steps import observe
from arcfleet.steps.client_rotation import find
from arcfleet.steps.credentials import client_login

SECRET = ("default", "regcred")
OWN = "{username: pull, env: MY_PASSWORD}"
REFUSED = {
    "no source": "{username: a}",
    "two sources": "{username: a, env: B, file: c}",
    "no username": "{env: B}",
    "a username that nobody reads": "{username: a, existing: true}",
    "a password in place of a variable": "{username: a, env: pass-word!}",
    "a block's name that Prefect does not take": "{username: a, prefectSecret: My_Block}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_exactly_one_source_is_given(text):
    with pytest.raises(ManifestError):
        site(pullSecretFrom=text)


def test_a_file_is_relative_to_the_fleet_file(tmp_path):
    (tmp_path / "fleet.yaml").write_text(f"{FLEET}    pullSecretFrom: {{username: pull, file: secrets/pull}}\n")

    found = fleetfile.load(tmp_path / "fleet.yaml").sites[0].pull_secret_from

    assert found.file == str(tmp_path.resolve() / "secrets" / "pull")


async def test_a_variable_and_a_file_are_read_when_they_are_used(tmp_path, monkeypatch):
    file = tmp_path / "pull"
    file.write_text("from a file \n\n")
    monkeypatch.setenv("MY_PASSWORD", "from a variable")

    read = OwnPasswords().read
    of_variable = await read(PullSecretFrom(username="a", env="MY_PASSWORD"))
    of_file = await read(PullSecretFrom(username="a", file=str(file)))

    assert (of_variable.reveal(), of_file.reveal()) == ("from a variable", "from a file \n")
    assert await read(PullSecretFrom(username="a", prefect_secret="mine")) is None
    assert await read(PullSecretFrom(existing=True)) is None


async def test_a_block_is_asked_by_its_name():
    blocks = Script(Secret("from a block"))

    found = await OwnPasswords(blocks).read(PullSecretFrom(username="a", prefect_secret="mine"))

    assert (found.reveal(), blocks.calls) == ("from a block", [("mine",)])


UNREADABLE = {
    "no variable": {"env": "MY_PASSWORD"},
    "no file": {"file": "nowhere"},
    "an empty file": {"file": "empty"},
    "a file that is no text": {"file": "binary"},
}


@pytest.mark.parametrize("source", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_can_not_be_read_is_told_without_its_content(source, tmp_path, monkeypatch):
    monkeypatch.delenv("MY_PASSWORD", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"hidden\xff")

    with pytest.raises(PermanentError) as refused:
        await OwnPasswords().read(PullSecretFrom(username="a", **source))

    assert refused.value.reason is Reason.PULL_PASSWORD
    assert refused.value.remedy
    assert "hidden" not in "".join(traceback.format_exception(refused.value))


HELD = {
    "the same": (Login("pull", Secret("mine")), True),
    "an older password": (Login("pull", Secret("older")), False),
    "another user": (Login("other", Secret("mine")), False),
    "none": (None, False),
}


@pytest.mark.parametrize(("login", "holds"), HELD.values(), ids=HELD)
async def test_a_secret_that_holds_another_login_is_to_be_written(login, holds, monkeypatch):
    monkeypatch.setenv("MY_PASSWORD", "mine")
    here = gateways(kubernetes=port(login=Script(login), workload=Script(None)))

    seen = await observe._in_cluster(here, site(pullSecretFrom=OWN), cr(), (wanted(),))

    assert seen["pull_secrets"] == {SECRET: holds}
    assert (SECRET in seen["pull_secret_faults"]) is not holds


KNOWN = {
    "a client token": ("Pull", ("pull", "other"), True),
    "no client token": ("sync", ("pull", "other"), False),
    "nothing to compare with": ("sync", (), True),
}


@pytest.mark.parametrize(("user", "tokens", "holds"), KNOWN.values(), ids=KNOWN)
async def test_an_existing_login_is_of_a_client_token_as_far_as_azure_shows_them(user, tokens, holds):
    here = gateways(kubernetes=port(login=Script(Login(user, Secret("x"))), workload=Script(None)))
    existing, shown = site(pullSecretFrom="{existing: true}"), cr(client_token_ids=tokens)

    found = await observe._in_cluster(here, existing, shown, (wanted(),))

    assert found["pull_secrets"] == {SECRET: holds}
    seen = facts(**found, connected_registry=shown)
    blocked = plan(existing, seen, (wanted(),)).finding
    assert (blocked is None) is holds
    assert holds or "of one of berlinplant's client tokens (pull, other)" in blocked.message


async def test_no_password_is_generated_for_it_and_none_is_rotated(monkeypatch):
    monkeypatch.setenv("MY_PASSWORD", "mine")
    registries = FakeTokens({})
    here = gateways(registries=registries)

    made = await client_login(here, site(pullSecretFrom=OWN), facts(pull_secrets={SECRET: False}), [SECRET])

    assert (made.login.username, made.login.password.reveal(), made.entry) == ("pull", "mine", None)
    assert registries.minted == []
    assert await find(here, site(pullSecretFrom=OWN), facts(), {}) is None


def test_the_plan_lists_only_the_login():
    item = wanted()
    seen = facts(workloads={"web": applied(item)}, pull_secrets={SECRET: False})

    made = plan(site(pullSecretFrom=OWN), seen, (item,))

    assert [call.method for call in made.calls] == ["LOGIN"]
    assert "POST" in [call.method for call in plan(site(), seen, (item,)).calls]


def test_a_secret_that_is_to_exist_blocks_the_site_where_it_lacks_the_login():
    item, existing = wanted(), site(pullSecretFrom="{existing: true}")
    seen = facts(workloads={"web": None}, pull_secrets={SECRET: False})

    made = plan(existing, seen, (item,))
    fine = plan(existing, facts(workloads={"web": None}, pull_secrets={SECRET: True}), (item,))

    assert (made.disposition, made.finding.reason, made.calls) == (Disposition.BLOCKED, Reason.PULL_PASSWORD, ())
    assert "default/regcred" in made.finding.message
    assert (fine.disposition, [call.method for call in fine.calls]) == (Disposition.UPDATE, ["APPLY"])
