"""Steps around credentials: nothing is minted in vain, and no login that works is replaced."""

import pytest
from examples import NOW, REGISTRY_ID, cr, extension, facts, minutes, site, token
from fakes import FakeTokens, Script, gateways, port

from arcfleet.core.facts import TokenFacts
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.workloads import Login
from arcfleet.errors import PermanentError
from arcfleet.steps.credentials import client_token_id, generate_credential, write_pull_secrets

SYNC = f"{REGISTRY_ID}/tokens/berlinplant"
PULL, OTHER = f"{REGISTRY_ID}/tokens/pull", f"{REGISTRY_ID}/tokens/other"
TWO_SLOTS = token(password1=NOW - minutes(9), password2=NOW - minutes(5))


async def test_a_password_goes_into_the_idle_slot_and_the_string():
    registries = FakeTokens({SYNC: TWO_SLOTS})

    made = await generate_credential(gateways(registries=registries), site(), facts())

    assert registries.minted == [(SYNC, "password1")]
    assert "SyncTokenPassword=minted-1;" in made.reveal()


async def test_what_the_last_delivery_holds_decides_the_slot():
    registries = FakeTokens({SYNC: TWO_SLOTS})
    seen = facts(extension=extension("Failed", last_modified=NOW - minutes(7)))

    await generate_credential(gateways(registries=registries), site(), seen)

    assert registries.minted == [(SYNC, "password2")]


IN_VAIN = {
    "a disabled token": (TokenFacts("berlinplant", "Disabled", "scope"), cr(), Reason.CREDENTIAL_UNUSABLE),
    "a parent without a gateway": (TWO_SLOTS, cr(gateway_endpoint=""), Reason.NO_GATEWAY_ENDPOINT),
}


@pytest.mark.parametrize(("found", "seen", "reason"), IN_VAIN.values(), ids=IN_VAIN)
async def test_nothing_is_minted_that_could_not_be_used(found, seen, reason):
    registries = FakeTokens({SYNC: found})

    with pytest.raises(PermanentError) as refused:
        await generate_credential(gateways(registries=registries), site(), facts(connected_registry=seen))

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


@pytest.mark.parametrize(("asked", "listed", "message"), UNCLEAR.values(), ids=UNCLEAR)
def test_an_unclear_client_token_is_refused_with_what_there_is(asked, listed, message):
    with pytest.raises(PermanentError, match=message) as refused:
        client_token_id(site(**asked), facts(connected_registry=cr(client_token_ids=listed)))

    assert refused.value.reason is Reason.NO_CLIENT_TOKEN
    assert ("or name one as clientToken" in refused.value.remedy) is not bool(asked)


LOGIN = Login("pull", Secret("kept"))
MISSING = [("a", "regcred"), ("b", "regcred")]


async def test_a_login_that_works_is_copied_and_no_slot_is_taken():
    registries, put = FakeTokens({}), Script(None)
    kubernetes = port(login=Script(None, LOGIN), put_login=put)
    seen = facts(pull_secrets={("a", "regcred"): False, ("c", "gone"): True, ("d", "regcred"): True})

    await write_pull_secrets(gateways(registries=registries, kubernetes=kubernetes), site(), seen, MISSING)

    assert [call[1:] for call in put.calls] == [(*key, LOGIN) for key in MISSING]
    assert registries.minted == []
    assert [call[1:] for call in kubernetes.login.calls] == [("c", "gone"), ("d", "regcred")]


async def test_without_a_login_one_password_serves_all_secrets_of_the_site():
    registries, put = FakeTokens({PULL: token(password1=NOW)}), Script(None)
    seen = facts(connected_registry=cr(client_token_ids=(PULL,)))

    await write_pull_secrets(gateways(registries=registries, kubernetes=port(put_login=put)), site(), seen, MISSING)

    assert registries.minted == [(PULL, "password2")]
    assert [call[3].password.reveal() for call in put.calls] == ["minted-1"] * 2
