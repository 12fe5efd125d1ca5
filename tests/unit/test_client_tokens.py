"""Rotation of a client token's password: which slot is free, when it is due, what is done, and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from examples import NOW, REGISTRY_ID, cr, extension, facts, minutes, site, token
from fakes import FakeClock, FakeJournal, FakeTokens, Script, gateways, port

from arcfleet.core.kube.workloads import Login
from arcfleet.core.passwords import client_tokens
from arcfleet.core.passwords.client_tokens import Found, free_slot, in_use, replaces_ours
from arcfleet.core.passwords.credentials import ATTEMPT
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.passwords.rotation import REPLICATION, Action, Decision
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError
from arcfleet.steps import client_rotation as steps
from arcfleet.steps.credentials import new_login

DAY = timedelta(days=1)
FIRST, SECOND = NOW - 100 * DAY, NOW - 95 * DAY
ONE, TWO = token(password1=FIRST), token(password1=FIRST, password2=SECOND)
OURS = Entry("password1", Phase.VERIFIED, FIRST, FIRST)
NEXT = Entry("password2", Phase.VERIFIED, SECOND, SECOND, retiring=True)
BURNT = replace(NEXT, retiring=False, retired=FIRST)

SLOTS = {
    "nothing was ever made": (token(), None, True, "password1"),
    "an absent one": (ONE, OURS, True, "password2"),
    "an absent one beside somebody's": (ONE, None, True, "password2"),
    "both are taken, by whom nobody knows": (TWO, None, True, None),
    "the other one may be somebody's": (TWO, OURS, True, None),
    "the old one of ours still holds": (TWO, NEXT, True, None),
    "the old one of ours has ended": (TWO, BURNT, True, "password1"),
    "somebody made it anew since": (token(password1=NOW, password2=SECOND), BURNT, True, None),
    "intended, its value lost": (TWO, Entry("password2", Phase.INTENDED, SECOND), True, "password2"),
    "intended, made by somebody else": (
        TWO, Entry("password2", Phase.INTENDED, SECOND - ATTEMPT - minutes(1)), True, None,
    ),
    "on its way, and may be held": (TWO, replace(NEXT, phase=Phase.DELIVERING), True, None),
    "on its way, and held by nobody": (TWO, replace(NEXT, phase=Phase.DELIVERING), False, "password2"),
    "on its way, and made anew by somebody": (
        TWO, replace(NEXT, phase=Phase.DELIVERING, created=FIRST), False, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "entry", "held", "slot"), SLOTS.values(), ids=SLOTS)
def test_a_slot_is_free_only_where_nobody_can_use_it(found, entry, held, slot):
    assert free_slot(found, entry, held=held) == slot


REPLACED = {
    "somebody's": (ONE, None, "password2", False),
    "ours": (ONE, OURS, "password2", True),
    "ours no longer": (token(password1=NOW), OURS, "password2", False),
    "the first one anew": (ONE, replace(OURS, phase=Phase.DELIVERING), "password1", False),
    "the second one anew": (TWO, replace(NEXT, phase=Phase.DELIVERING), "password2", True),
    "the second one, which was lost": (
        TWO, Entry("password2", Phase.INTENDED, SECOND, retiring=True), "password2", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "entry", "slot", "ours"), REPLACED.values(), ids=REPLACED)
def test_only_a_password_of_ours_is_to_be_retired(found, entry, slot, ours):
    assert replaces_ours(found, entry, slot) is ours


USED = {
    "ours": (TWO, NEXT, "password2"),
    "ours, while the next is only intended": (
        TWO, Entry("password2", Phase.INTENDED, SECOND, retiring=True), "password1",
    ),
    "not known": (TWO, None, "password1"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "entry", "slot"), USED.values(), ids=USED)
def test_the_password_in_use_is_ours_or_else_the_older_one(found, entry, slot):
    assert in_use(found, entry).name == slot


WEB = steps._wanted(site(workloads='[{name: web, image: "app/web:1"}]'), facts(), {})
TOKEN_ID = f"{REGISTRY_ID}/tokens/berlinplant"


CUT = replace(NEXT, phase=Phase.DELIVERING)
PLACE = (("default", "regcred"),)


def found(made=ONE, entry=OURS, sharing=1, **places):
    return Found(TOKEN_ID, made, entry, tuple(WEB), sharing, **places)


YOUNG = token(password1=NOW - DAY)
DECISIONS = {
    "no login of ours": (None, {}, False, Action.NONE, None),
    "due": (found(), {}, False, Action.ROTATE, None),
    "young": (found(YOUNG, None), {}, False, Action.NONE, None),
    "young, and asked for": (found(YOUNG, None), {}, True, Action.ROTATE, None),
    "nothing installed": (found(), {"extension": None}, True, Action.NONE, None),
    "registry away": (
        found(), {"connected_registry": cr(connection_state="Offline")}, False, Action.STOP, Reason.NOT_ROTATED,
    ),
    "shared": (found(sharing=2), {}, False, Action.STOP, Reason.CLIENT_TOKEN),
    "no free slot": (found(TWO, None), {}, False, Action.STOP, Reason.CLIENT_TOKEN),
    "a run ended in between, and a secret has its password": (
        found(TWO, CUT, holding=PLACE), {}, False, Action.ROTATE, None,
    ),
    "a run ended in between, and no secret has its password": (found(TWO, CUT), {}, False, Action.ROTATE, None),
    "a run ended in between, and a secret says nothing": (
        found(TWO, CUT, unmarked=PLACE), {}, True, Action.STOP, Reason.CLIENT_TOKEN,
    ),
    "a run ended in between, and some secret says nothing": (
        found(TWO, CUT, holding=PLACE, unmarked=PLACE), {}, False, Action.ROTATE, None,
    ),
    "a run ended in between, and another has the token now": (
        found(TWO, CUT, sharing=2, holding=PLACE), {}, False, Action.STOP, Reason.CLIENT_TOKEN,
    ),
    "a run ended in between, and somebody made its password anew": (
        found(token(password1=FIRST, password2=NOW), CUT), {}, False, Action.STOP, Reason.CLIENT_TOKEN,
    ),
    "its time is over": (found(TWO, NEXT), {}, False, Action.RETIRE, None),
    "its time is over, but another has the token now": (
        found(TWO, NEXT, sharing=2), {}, False, Action.STOP, Reason.CLIENT_TOKEN,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "around", "asked", "action", "reason"), DECISIONS.values(), ids=DECISIONS)
def test_pull_secrets_are_rotated_when_due_and_nobody_loses_a_password(seen, around, asked, action, reason):
    here = facts(**{"extension": extension(last_modified=NOW - DAY), **around})

    decision = client_tokens.decide(site(), here, seen, NOW, asked=asked)

    assert decision.action is action
    assert (decision.finding.reason if decision.finding else None) is reason
    assert decision.finding is None or decision.finding.remedy


def test_what_is_taken_names_the_slot_that_may_be_freed():
    assert "--password2;" in client_tokens.taken(site(), TWO, OURS).remedy
    assert "--password1 | --password2;" in client_tokens.taken(site(), TWO, None).remedy


SYNCED = SitePlan(Disposition.ROTATE, because=("sync",))
IDLE = SitePlan(Disposition.NOOP)
SECRET = "LOGIN k-berlin namespaces/default/secrets/regcred"
MINT = "POST registries/acreu1/generateCredentials"
PLANS = {
    "rotated": (IDLE, Action.ROTATE, False, Disposition.ROTATE, [MINT, SECRET]),
    "with a restart": (
        IDLE, Action.ROTATE, True, Disposition.ROTATE,
        [MINT, SECRET, "RESTART k-berlin namespaces/default/deployments/web"],
    ),
    "retired": (IDLE, Action.RETIRE, True, Disposition.RETIRE, [MINT]),
    "retired after a rotation": (SYNCED, Action.RETIRE, False, Disposition.ROTATE, [MINT]),
    "nothing": (SYNCED, Action.NONE, False, Disposition.ROTATE, []),
    "stopped after a rotation": (SYNCED, Action.STOP, False, Disposition.BLOCKED, []),
}  # fmt: skip


@pytest.mark.parametrize(("before", "action", "restart", "disposition", "calls"), PLANS.values(), ids=PLANS)
def test_the_plan_names_every_write_and_keeps_what_the_sync_token_needs(before, action, restart, disposition, calls):
    made = client_tokens.extend(before, site(), Decision(action, "client"), found(), restart_pods=restart)

    assert (made.disposition, [str(call) for call in made.calls]) == (disposition, calls)
    assert made.because[: len(before.because)] == before.because


THEIRS = Entry("password2", Phase.INTENDED, NOW - minutes(1), owner="another run")
CLAIMS = {
    "by another run": (THEIRS, True),
    "by another run, whose answer was lost": (replace(THEIRS, phase=Phase.UNKNOWN), True),
    "by another run, which has it": (replace(THEIRS, phase=Phase.DELIVERING), False),
    "by another run, long ago": (replace(THEIRS, at=NOW - minutes(2)), False),
    "by this run": (replace(THEIRS, owner="this run"), False),
    "by nobody knows whom": (replace(THEIRS, owner=""), False),
    "by none": (None, False),
}


@pytest.mark.parametrize(("entry", "claimed"), CLAIMS.values(), ids=CLAIMS)
async def test_a_token_of_several_sites_is_left_to_the_run_that_is_making_its_password(entry, claimed):
    here = world(None, entry=entry, made=ONE)
    other = replace(HOLDING.connected_registry, name="paris")
    here.registries.connected_registries = Script({"berlinplant": HOLDING.connected_registry, "paris": other})
    step = new_login(here, SHOP, TOKEN_ID, (), held=False)

    if claimed:
        with pytest.raises(PermanentError, match="another run is making password2") as refused:
            await step
        assert "in two minutes" in refused.value.remedy
    else:
        await step
    assert len(here.registries.minted) == (not claimed)


LOGIN = Login("berlinplant", Secret("kept"))
SHOP = site(workloads='[{name: web, image: "app/web:1"}, {name: job, image: "app/job:1", pullSecret: own}]')
HOLDING = facts(connected_registry=cr(client_token_ids=(TOKEN_ID,)))


def world(*logins, entry=OURS, made=ONE):
    registries = FakeTokens({TOKEN_ID: made})
    registries.connected_registries = Script({"berlinplant": HOLDING.connected_registry})
    kubernetes = port(login=Script(*logins), put_login=Script(None))
    kept = FakeJournal(**({"arcfleet_acreu1_berlinplant": entry} if entry else {}))
    return gateways(clock=FakeClock(), registries=registries, kubernetes=kubernetes, journal=kept)


async def test_only_secrets_that_hold_the_client_tokens_login_are_rotated():
    seen = await steps.find(world(LOGIN, Login("somebody", Secret("x"))), SHOP, HOLDING, {})

    assert (seen.token_id, seen.secrets, seen.sharing) == (TOKEN_ID, (("default", "regcred"),), 1)
    assert await steps.find(world(None), SHOP, HOLDING, {}) is None


async def test_a_new_password_is_given_to_nobody_before_it_works_everywhere():
    here = world(LOGIN)

    made, _ = await steps.replace(here, SHOP, found())

    assert here.registries.minted == [(TOKEN_ID, "password2")]
    assert here.clock.slept == [REPLICATION]
    assert here.journal.phases == [("intended", "password2")]
    assert made.entry.retiring
    assert here.kubernetes.put_login.options == [{"dry_run": True}]


async def test_a_rotation_that_was_killed_before_the_delivery_takes_the_same_slot_and_still_ends_the_old_one():
    here = world(LOGIN)
    for _ in range(2):
        made, _ = await steps.replace(here, SHOP, found())

    assert here.registries.minted == [(TOKEN_ID, "password2")] * 2
    assert made.entry.retiring


HALF = {
    # What the first and the second pull secret are marked with -> where the new password is said to be, and is minted.
    "none has it": ((OURS.mark, OURS.mark), (), [(TOKEN_ID, "password2")], "minted-1"),
    "the second has it": ((OURS.mark, CUT.mark), (("default", "own"),), [], "of-own"),
    "both have it": ((CUT.mark, CUT.mark), (("default", "regcred"), ("default", "own")), [], "of-regcred"),
}


@pytest.mark.parametrize(("marks", "holding", "minted", "password"), HALF.values(), ids=HALF)
async def test_a_rotation_that_was_killed_while_it_wrote_goes_on_with_what_a_secret_has(
    marks, holding, minted, password
):
    held = dict(zip(("regcred", "own"), marks, strict=True))

    async def login(_site, _namespace, name):
        return Login("berlinplant", Secret(f"of-{name}"), held[name])

    here = world(entry=CUT, made=TWO)
    here.kubernetes.login = login
    seen = await steps.find(here, SHOP, HOLDING, {})
    made, _ = await steps.replace(here, SHOP, seen)

    assert (seen.holding, seen.unmarked) == (holding, ())
    assert (here.registries.minted, made.login.password.reveal()) == (minted, password)
    assert made.entry.retiring
    assert client_tokens.extend(IDLE, SHOP, Decision(Action.ROTATE, ""), seen, restart_pods=False).calls[0].method == (
        "POST" if minted else "LOGIN"
    )


async def test_a_secret_that_says_nothing_is_told_apart():
    seen = await steps.find(world(Login("berlinplant", Secret("x")), entry=CUT, made=TWO), SHOP, HOLDING, {})

    assert seen.unmarked == (("default", "regcred"), ("default", "own"))
    assert (
        "kubectl delete secret regcred -n default, own -n default"
        in client_tokens.decide(SHOP, facts(), seen, NOW, asked=False).finding.remedy
    )


def test_a_mark_speaks_of_no_password_that_the_service_has_made_since():
    login = Login("berlinplant", Secret("x"), CUT.mark)

    assert client_tokens.is_marked(login, TWO, CUT)
    assert not client_tokens.is_marked(login, token(password1=FIRST, password2=NOW), CUT)
    assert not client_tokens.is_marked(replace(login, mark=""), TWO, replace(CUT, created=None))
