"""Connection strings: what is composed is parsed again, and nothing that is none is delivered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.passwords.connection_strings import ConnectionString, check, parse
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

PASSWORD = "Ab3/" * 10 + "xy+ACRA12345"
GOOD = (
    f"ConnectedRegistryName=berlinplant;SyncTokenName=berlin-sync;SyncTokenPassword={PASSWORD};"
    "ParentGatewayEndpoint=acreu1.westeurope.data.azurecr.io;ParentEndpointProtocol=https"
)


def plain(found: ConnectionString) -> tuple[str, ...]:
    return (found.connected_registry, found.token, found.password.reveal(), found.gateway, found.protocol)


def test_a_string_of_az_is_read():
    assert plain(parse(Secret(GOOD))) == (
        "berlinplant", "berlin-sync", PASSWORD, "acreu1.westeurope.data.azurecr.io", "https",
    )  # fmt: skip


hosts = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,20}[A-Za-z0-9])?(:[0-9]{1,5})?", fullmatch=True)
passwords = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), min_size=1).filter(
    lambda text: not text.startswith("<")
)
strings = st.builds(
    ConnectionString,
    st.from_regex(r"[A-Za-z][A-Za-z0-9]{4,39}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", fullmatch=True),
    passwords.map(Secret),
    hosts,
    st.sampled_from(["http", "https"]),
)


@given(strings, st.randoms(use_true_random=False))
def test_what_is_composed_is_parsed_again_in_any_order(made, random):
    text = made.compose().reveal()
    parts = text.split(";")
    random.shuffle(parts)

    assert plain(parse(Secret(text))) == plain(parse(Secret(";".join(parts)))) == plain(made)
    check(Secret(text), made.connected_registry.upper())


@given(
    st.one_of(st.text(), st.lists(st.sampled_from([*GOOD.split(";"), "", "a=b", "SyncTokenPassword="])).map(";".join))
)
def test_any_text_is_either_what_it_says_or_refused(text):
    try:
        found = parse(Secret(text))
    except PermanentError as error:
        said = error.reason
    else:
        said = sorted(found.compose().reveal().split(";"))

    assert said in (Reason.CREDENTIAL_UNUSABLE, sorted(text.split(";")))


MALFORMED = {
    "nothing": ("", "none of its own"),
    "a semicolon at its end": (f"{GOOD};", "none of its own"),
    "a part twice": (f"{GOOD};SyncTokenName=other", "given twice"),
    "a managed identity's": (GOOD.replace("SyncTokenName", "ManagedIdentityClientId"), "none of its own"),
    "no protocol": (GOOD.rsplit(";", 1)[0], "lacks ParentEndpointProtocol"),
    "another protocol": (GOOD.replace("=https", "=ftp"), "ParentEndpointProtocol that is none"),
    "a placeholder for the password": (
        GOOD.replace(PASSWORD, "<use --generate-password to generate a new password>"), "SyncTokenPassword that is",
    ),
    "no password": (GOOD.replace(PASSWORD, ""), "has no SyncTokenPassword"),
    "a password with a space": (GOOD.replace(PASSWORD, "a b"), "SyncTokenPassword that is none"),
    "a password with a line's end": (GOOD.replace(PASSWORD, f"{PASSWORD}\n"), "SyncTokenPassword that is none"),
    "a placeholder for the gateway": (
        GOOD.replace("acreu1.westeurope.data.azurecr.io", "<parent gateway endpoint>"), "ParentGatewayEndpoint that is",
    ),
    "a URL for the gateway": (GOOD.replace("acreu1.", "https://acreu1."), "ParentGatewayEndpoint that is none"),
    "no name": (GOOD.replace("berlinplant", ""), "has no ConnectedRegistryName"),
    "another's": (GOOD.replace("berlinplant", "paris"), "is of connected registry paris, not berlinplant"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_none_is_refused_before_it_is_delivered_and_not_quoted(text, said):
    with pytest.raises(PermanentError, match=said) as refused:
        check(Secret(text), "berlinplant")

    assert PASSWORD not in f"{refused.value} {refused.value.remedy}"
    assert "az acr connected-registry show" in refused.value.remedy


@pytest.mark.parametrize(
    "password", ["", "<use --generate-password …>", "very;secret", "two words", "ä" * 52], ids=repr
)
def test_no_string_is_composed_of_what_is_no_password(password):
    with pytest.raises(PermanentError):
        ConnectionString("berlinplant", "berlinplant", Secret(password), "10.0.0.1:443", "http").compose()
