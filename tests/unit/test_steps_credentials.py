"""Steps around credentials: nothing is minted in vain, and no login that works is replaced."""

import asyncio
from dataclasses import replace

import pytest
from examples import NOW, REGISTRY_ID, cr, extension, facts, minutes, site, token
from fakes import FakeClock, FakeJournal, FakeTokens, Script, gateways, port

from arcfleet.core.facts import PasswordFacts, TokenFacts
from arcfleet.core.kube.workloads import Login
from arcfleet.core.passwords import journal
from arcfleet.core.passwords.client_tokens import PullLogin
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError
from arcfleet.steps.credentials import client_login, client_token_id, generate_credential, note, write_pull_secrets

SYNC = f"{REGISTRY_ID}/tokens/berlinplant"
PULL, OTHER = f"{REGISTRY_ID}/tokens/pull", f"{REGISTRY_ID}/tokens/other"
TWO_SLOTS = token(password1=NOW - minutes(9), password2=NOW - minutes(5))


async def test_a_password_goes_into_the_idle_slot_and_the_string():
    registries = FakeTokens({SYNC: TWO_SLOTS})

    made = await generate_credential(gateways(registries=registries), site(), facts())

    assert registries.minted == [(SYNC, "password1")]
    assert registries.ages == [0]
    assert "SyncTokenPassword=minted-1;" in made.connection_string.reveal()


async def test_the_slot_is_written_down_before_its_password_exists():
    registries, kept = FakeTokens({SYNC: TWO_SLOTS}), FakeJournal()
    broken = PermanentError(Reason.FORBIDDEN, "no")
    refusing = port(token=registries.token, service_time=registries.service_time, generate_password=Script(broken))

    with pytest.raises(PermanentError):
        await generate_credential(gateways(registries=refusing, journal=kept), site(), facts())
    made = await generate_credential(gateways(registries=registries, journal=kept), site(), facts())

    assert kept.phases == [("intended", "password1")] * 2
    assert made.entry.created == registries.now


async def test_a_value_that_was_lost_is_made_anew_in_the_same_slot():
    registries = FakeTokens({SYNC: TWO_SLOTS})
    kept = FakeJournal(arcfleet_acreu1_berlinplant=Entry("password2", Phase.INTENDED, NOW))

    await generate_credential(gateways(registries=registries, journal=kept), site(), facts())

    assert registries.minted == [(SYNC, "password2")]


async def test_a_phase_that_began_keeps_its_time_when_the_attempt_is_repeated():
    registries, kept = FakeTokens({SYNC: TWO_SLOTS}), FakeJournal()
    here = gateways(registries=registries, journal=kept)
    made = await generate_credential(here, site(), facts())

    for registries.now in (NOW, NOW + minutes(1)):
        await note(here, made, Phase.DELIVERING)

    assert kept.phases == [("intended", "password1"), ("delivering", "password1")]
    assert kept.entries[made.key].at == NOW


async def test_what_the_last_delivery_holds_decides_the_slot():
    registries = FakeTokens({SYNC: TWO_SLOTS})
    seen = facts(extension=extension("Failed", last_modified=NOW - minutes(7)))

    await generate_credential(gateways(registries=registries), site(), seen)

    assert registries.minted == [(SYNC, "password2")]


async def test_where_nothing_is_installed_the_older_password_is_replaced():
    registries = FakeTokens({SYNC: TWO_SLOTS})

    await generate_credential(gateways(registries=registries), site(), facts(extension=None))

    assert registries.minted == [(SYNC, "password1")]


IN_VAIN = {
    "a disabled token": (TokenFacts("berlinplant", "Disabled", "scope"), {}, Reason.CREDENTIAL_UNUSABLE),
    "a parent without a gateway": (
        TWO_SLOTS,
        {"connected_registry": cr(gateway_endpoint="")},
        Reason.NO_GATEWAY_ENDPOINT,
    ),
    "no slot that is known to be free": (
        TWO_SLOTS,
        {"extension": extension("Failed", last_modified=NOW + minutes(30))},
        Reason.SLOT_UNKNOWN,
    ),
}


@pytest.mark.parametrize(("found", "seen", "reason"), IN_VAIN.values(), ids=IN_VAIN)
async def test_nothing_is_minted_that_could_not_be_used(found, seen, reason):
    registries = FakeTokens({SYNC: found})

    with pytest.raises(PermanentError) as refused:
        await generate_credential(gateways(registries=registries), site(), facts(**seen))

    assert refused.value.reason is reason
    assert registries.minted == []


TOKENS = {
    "the only one": ({}, (PULL,), PULL),
    "the one that is named": ({"clientToken": "OTHER"}, (PULL, OTHER), OTHER),
}
UNCLEAR = {
    "none": ({}, (), "has client tokens: none; which one is for this site is not clear"),
    "two": ({}, (PULL, OTHER), "has client tokens: pull, other; which one is for this site is not clear"),
    "another": ({"clientToken": "mine"}, (PULL,), "has client tokens: pull; mine is not among them"),
}


@pytest.mark.parametrize(("asked", "listed", "expected"), TOKENS.values(), ids=TOKENS)
def test_the_client_token_is_the_only_one_or_the_named_one(asked, listed, expected):
    assert client_token_id(site(**asked), facts(connected_registry=cr(client_token_ids=listed))) == expected


ENSURED = {"the only one": ((PULL,), PULL), "the site's own of several": ((OTHER, f"{SYNC}-pull"), f"{SYNC}-pull")}


@pytest.mark.parametrize(("listed", "expected"), ENSURED.values(), ids=ENSURED)
def test_with_ensure_the_client_token_is_the_one_that_is_ensured(listed, expected):
    seen = facts(connected_registry=cr(client_token_ids=listed))

    assert client_token_id(site(ensure="true"), seen) == expected


@pytest.mark.parametrize(("asked", "listed", "message"), UNCLEAR.values(), ids=UNCLEAR)
def test_an_unclear_client_token_is_refused_with_what_there_is(asked, listed, message):
    with pytest.raises(PermanentError, match=message) as refused:
        client_token_id(site(**asked), facts(connected_registry=cr(client_token_ids=listed)))

    assert refused.value.reason is Reason.NO_CLIENT_TOKEN
    assert ("or name one as clientToken" in refused.value.remedy) is not bool(asked)


LOGIN = Login("pull", Secret("kept"))
MISSING = [("a", "regcred"), ("b", "regcred")]
FORBIDDEN = PermanentError(Reason.FORBIDDEN, "secrets is forbidden")


def puller(**made):
    """Return registries whose client token has these passwords."""
    return FakeTokens({PULL: replace(token(**made), name="pull")})


NEW_SITE = facts(connected_registry=cr(client_token_ids=(PULL,)))


async def test_a_login_that_works_is_copied_and_no_slot_is_taken():
    registries = FakeTokens({})
    kubernetes = port(login=Script(None, LOGIN))
    seen = facts(pull_secrets={("a", "regcred"): False, ("c", "gone"): True, ("d", "regcred"): True})

    found = await client_login(gateways(registries=registries, kubernetes=kubernetes), site(), seen, MISSING)

    assert (found.login, found.entry) == (LOGIN, None)
    assert (registries.minted, registries.ages) == ([], [])
    assert [call[1:] for call in kubernetes.login.calls] == [("c", "gone"), ("d", "regcred")]


ABSENT = {
    "both": ({}, "password1"),
    "the first": ({"password2": NOW}, "password1"),
    "the second": ({"password1": NOW}, "password2"),
}


@pytest.mark.parametrize(("made", "slot"), ABSENT.values(), ids=ABSENT)
async def test_without_a_login_one_password_is_made_into_an_absent_slot(made, slot):
    registries, put = puller(**made), Script(None)

    kept = FakeJournal()

    made = await client_login(
        gateways(registries=registries, kubernetes=port(put_login=put), journal=kept), site(), NEW_SITE, MISSING
    )

    login = made.login
    assert kept.phases == [("intended", slot), ("delivering", slot)]
    assert (login.username, login.password.reveal()) == ("pull", "minted-1")
    assert (registries.minted, registries.ages) == ([(PULL, slot)], [0])


async def test_a_password_in_the_place_of_a_lost_one_is_not_delivered_before_it_works_everywhere():
    lost = Entry("password1", Phase.INTENDED, NOW - minutes(5), owner="a run that was killed")
    registries, clock = puller(password1=NOW - minutes(5)), FakeClock()
    registries.connected_registries = Script({"berlinplant": NEW_SITE.connected_registry})
    kept = FakeJournal(**{journal.key(site().registry_ref, "pull"): lost})
    here = gateways(registries=registries, kubernetes=port(put_login=Script(None)), journal=kept, clock=clock)

    await client_login(here, site(), NEW_SITE, MISSING)

    assert (registries.minted, clock.slept) == ([(PULL, "password1")], [60.0])


class Slots(FakeTokens):
    """Registries whose tokens show what was minted, after as long as it takes others to look."""

    async def generate_password(self, registry, token_id, slot, **options):
        await asyncio.sleep(0)
        found = self.tokens[token_id]
        self.tokens[token_id] = replace(found, passwords=(*found.passwords, PasswordFacts(slot, self.now)))
        return await super().generate_password(registry, token_id, slot, **options)


async def test_two_sites_at_once_never_get_the_same_slot_of_a_token_that_they_share():
    shared = {"berlinplant": cr(client_token_ids=(PULL,)), "paris": cr(name="paris", client_token_ids=(PULL,))}
    registries = Slots({PULL: replace(token(), name="pull")})
    registries.connected_registries = Script(shared)
    here = gateways(registries=registries, kubernetes=port(put_login=Script(None)))

    await asyncio.gather(*(client_login(here, site(), NEW_SITE, MISSING) for _ in range(2)))

    assert registries.minted == [(PULL, "password1"), (PULL, "password2")]


async def test_only_rehearsals_of_all_secrets_come_before_the_password():
    registries, put = puller(), Script(None)

    await client_login(gateways(registries=registries, kubernetes=port(put_login=put)), site(), NEW_SITE, MISSING)

    assert [call[1:3] for call in put.calls] == MISSING
    assert put.options == [{"dry_run": True}] * 2
    assert "minted" not in str([call[3].password.reveal() for call in put.calls])


@pytest.mark.parametrize("answers", [(FORBIDDEN,), (None, FORBIDDEN)], ids=["the first", "the last"])
async def test_a_secret_that_the_cluster_would_not_take_costs_no_password(answers):
    registries, put = puller(), Script(*answers)

    with pytest.raises(PermanentError) as refused:
        await client_login(gateways(registries=registries, kubernetes=port(put_login=put)), site(), NEW_SITE, MISSING)

    assert refused.value is FORBIDDEN
    assert registries.minted == []


async def test_a_password_that_somebody_may_use_is_never_replaced():
    registries, put = puller(password1=NOW - minutes(1e6), password2=None), Script(None)

    with pytest.raises(PermanentError, match="both passwords of client token pull are taken") as refused:
        await client_login(gateways(registries=registries, kubernetes=port(put_login=put)), site(), NEW_SITE, MISSING)

    assert refused.value.reason is Reason.CLIENT_TOKEN
    assert "az acr token create --registry acreu1" in refused.value.remedy
    assert (registries.minted, put.calls) == ([], [])


async def test_one_login_is_written_into_all_secrets_of_the_site():
    put = Script(None)

    await write_pull_secrets(gateways(kubernetes=port(put_login=put)), site(), MISSING, PullLogin(LOGIN))

    assert [call[1:] for call in put.calls] == [(*key, LOGIN) for key in MISSING]
    assert not any(options.get("dry_run") for options in put.options)
