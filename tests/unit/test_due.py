"""Passwords that are due are told ahead: in plans at every site, in status those that end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from examples import NOW, REGISTRY_ID, cluster, cr, extension, facts, site, token
from fakes import FakeJournal, FakeTokens, Script, gateways, port

from arcfleet.core.facts import PasswordFacts
from arcfleet.core.passwords import due
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason
from arcfleet.steps import credentials, rotation

DAY = timedelta(days=1)
OLD, YOUNG = token(password1=NOW - 91 * DAY), token(password1=NOW - 89 * DAY)
PULL = f"{REGISTRY_ID}/tokens/Pull"
STANDING = {"extension": extension(last_modified=NOW - 80 * DAY)}
WEB = '[{name: web, image: "app/web:stable"}]'


def ending(*days, name="berlinplant"):
    """Return a token whose passwords end in so many days; None is never."""
    passwords = [
        PasswordFacts(f"password{slot}", NOW - (100 - slot) * DAY, None if left is None else NOW + left * DAY)
        for slot, left in enumerate(days, 1)
    ]
    return replace(YOUNG, name=name, passwords=tuple(passwords))


SYNC_SOON = "the password of password1 ends 2026-12-07 12:00Z"
SYNC = {
    "old": (OLD, {}, ["the password of password1 is 91 d old"], []),
    "young": (YOUNG, {}, [], []),
    "ends soon": (ending(13), {}, [SYNC_SOON], [SYNC_SOON]),
    "ends soon, out of contact": (ending(13), {"cluster": cluster("Offline")}, [SYNC_SOON], [SYNC_SOON]),
    "the one in use lives on": (ending(5, None), {}, ["the password of password2 is 98 d old"], []),
    "managed identity": (ending(5), {"connected_registry": cr(auth_type="ManagedIdentity")}, [], []),
    "nothing installed": (ending(5), {"extension": None}, [], []),
}


@pytest.mark.parametrize(("found", "seen", "in_plan", "in_status"), SYNC.values(), ids=SYNC)
def test_a_sync_password_is_told_by_its_end_and_in_plans_by_its_age(found, seen, in_plan, in_status):
    seen = facts(**{**STANDING, **seen})

    told = [due.due(site(), seen, {"berlinplant": found}, NOW), due.ending(site(), seen, {"berlinplant": found}, NOW)]

    assert [[finding.message for finding in findings] for findings in told] == [in_plan, in_status]
    assert all(finding.remedy == "arcfleet rotate FLEET --site berlin" for finding in told[0])


CLIENT = {
    "its only one ends": (ending(3, name="pull"), {}, ["pull: the password of password1 ends 2026-11-27"]),
    "the last one ends": (ending(9, 3, name="pull"), {}, ["pull: the password of password1 ends"]),
    "one lives on": (ending(3, 40, name="pull"), {}, []),
    "one never ends": (ending(3, None, name="pull"), {}, []),
    "old, but for ever": (token(password1=NOW - 400 * DAY), {}, []),
    "no password": (token(), {}, []),
    "no workload pulls with it": (ending(3, name="pull"), {"workloads": "[]"}, []),
    "pods pull with another": (ending(3, name="pull"), {"clientToken": "other"}, []),
    "a login of the user's own": (ending(3, name="pull"), {"pullSecretFrom": "{username: pull, env: PULL}"}, []),
}


@pytest.mark.parametrize(("found", "keys", "messages"), CLIENT.values(), ids=CLIENT)
def test_a_client_token_is_told_once_its_last_password_ends(found, keys, messages):
    here = site(**{"kube": "{context: k}", "workloads": WEB, **keys})
    seen = facts(**STANDING, connected_registry=cr(client_token_ids=(PULL,)))

    told = due.due(here, seen, {"pull": found, "berlinplant": YOUNG}, NOW)

    assert len(told) == len(messages)
    assert all(finding.message.startswith(message) for finding, message in zip(told, messages, strict=True))


NOTED = {
    "nothing else": (
        SitePlan(Disposition.NOOP), Disposition.ROTATE, ("sync password: … is 91 d old: arcfleet rotate",), 0,
    ),
    "a rollout": (SitePlan(Disposition.UPDATE, because=("x",)), Disposition.UPDATE, ("x",), 1),
    "a new password comes anyhow": (
        SitePlan(Disposition.UPDATE, install=True, because=("x",)), Disposition.UPDATE, ("x",), 0,
    ),
    "blocked before a new one comes": (SitePlan(Disposition.BLOCKED, install=True), Disposition.BLOCKED, (), 1),
    "deferred": (SitePlan(Disposition.DEFERRED), Disposition.DEFERRED, (), 1),
}  # fmt: skip


@pytest.mark.parametrize(("made", "disposition", "because", "notes"), NOTED.values(), ids=NOTED)
async def test_a_plan_says_what_is_due_whatever_else_is_to_be_done(made, disposition, because, notes):
    registries = port(tokens=Script({"berlinplant": OLD}), service_time=Script(NOW))

    found = await rotation.note_due(gateways(registries=registries), site(), facts(**STANDING), made)

    assert (found.disposition, found.calls, len(found.notes)) == (disposition, (), notes)
    assert [line.replace("the password of password1", "…") for line in found.because] == list(because)
    assert {note.reason for note in found.notes} <= {Reason.ROTATION_DUE}


async def test_a_young_password_changes_no_plan():
    registries = port(tokens=Script({"berlinplant": YOUNG}), service_time=Script(NOW))
    made = SitePlan(Disposition.NOOP)

    assert await rotation.note_due(gateways(registries=registries), site(), facts(**STANDING), made) == made


def test_a_fleet_tells_each_due_password_once_with_its_sites():
    waiting = due.noted(SitePlan(Disposition.DEFERRED), due.due(site(), facts(**STANDING), {"berlinplant": OLD}, NOW))

    plan = FleetPlan("plants", NOW, 10, {"a": waiting, "b": waiting, "c": SitePlan(Disposition.NOOP)})

    assert plan.due == {"sync password: the password of password1 is 91 d old": ["a", "b"]}
    assert [names for names, _ in plan.groups] == [["a", "b"], ["c"]]


ENDS = {
    "by itself never": ({}, {}, None),
    "as the file says": ({"credentials": "{expiresAfter: 120d}"}, {}, NOW + 120 * DAY),
    "not while another site has it": ({"credentials": "{expiresAfter: 120d}"}, {"paris": (PULL,)}, None),
}


@pytest.mark.parametrize(("keys", "others", "end"), ENDS.values(), ids=ENDS)
async def test_a_client_password_ends_as_the_file_says_unless_no_rotation_may_replace_it(keys, others, end):
    registries = FakeTokens({PULL: replace(token(), name="Pull")})
    listed = {name: cr(name=name, client_token_ids=ids) for name, ids in {"berlin": (PULL,), **others}.items()}
    registries.connected_registries = Script(listed)

    await credentials.new_login(gateways(registries=registries), site(**keys), PULL, (), held=False)

    assert registries.ends == [end]


@pytest.mark.parametrize(("keys", "end"), [({}, None), ({"credentials": "{expiresAfter: 92d}"}, NOW + 92 * DAY)])
async def test_a_sync_password_ends_as_the_file_says(keys, end):
    registries = FakeTokens({cr().sync_token_id: token()})

    here = gateways(registries=registries, journal=FakeJournal())
    await credentials.generate_credential(here, site(**keys), facts())

    assert registries.ends == [end]
