"""Credentials: may a password be generated, into which slot, and the string that it goes into."""

from datetime import timedelta

import pytest
from examples import NOW, cluster, cr, extension, facts, minutes, token
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.credentials import SLOTS, Action, connection_string, decide, idle_slot
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

NEVER_STARTED = {"connection_state": "Offline", "activation": "Inactive", "last_sync": None}
OFFLINE = {"connection_state": "Offline"}

ROWS = {
    "Arc offline: nothing could be delivered": (
        facts(cluster=cluster("Offline"), extension=None),
        (Action.DEFER, Reason.ARC_OFFLINE),
    ),
    "Arc expired, although installed and failed": (
        facts(cluster=cluster("Expired"), extension=extension("Failed"), connected_registry=cr(**OFFLINE)),
        (Action.DEFER, Reason.ARC_OFFLINE),
    ),
    "Arc in a state that nobody knows": (facts(cluster=cluster("Sleeping")), (Action.DEFER, Reason.ARC_OFFLINE)),
    "managed identity, nothing installed": (
        facts(extension=None, connected_registry=cr(auth_type="ManagedIdentity")),
        (Action.NONE, Reason.OK),
    ),
    "managed identity, failed": (
        facts(extension=extension("Failed"), connected_registry=cr(auth_type="managedidentity", **OFFLINE)),
        (Action.NONE, Reason.OK),
    ),
    "nothing installed, yet online": (facts(extension=None), (Action.STOP, Reason.INSTANCE_ELSEWHERE)),
    "nothing installed, yet syncing": (
        facts(extension=None, connected_registry=cr(connection_state="Syncing")),
        (Action.STOP, Reason.INSTANCE_ELSEWHERE),
    ),
    "nothing installed, an earlier instance activated": (
        facts(extension=None, connected_registry=cr(**OFFLINE)),
        (Action.STOP, Reason.INSTANCE_ELSEWHERE),
    ),
    "nothing installed, never activated": (
        facts(extension=None, connected_registry=cr(**NEVER_STARTED)),
        (Action.GENERATE, Reason.OK),
    ),
    **{
        f"{state}, offline": (
            facts(extension=extension(state), connected_registry=cr(**NEVER_STARTED)),
            (Action.WAIT, Reason.EXTENSION_IN_PROGRESS),
        )
        for state in ("Accepted", "Creating", "Updating", "Deleting", "Pending")
    },
    "updating, online": (facts(extension=extension("Updating")), (Action.WAIT, Reason.EXTENSION_IN_PROGRESS)),
    "succeeded, online": (facts(), (Action.NONE, Reason.OK)),
    "succeeded, syncing": (facts(connected_registry=cr(connection_state="Syncing")), (Action.NONE, Reason.OK)),
    "succeeded, offline": (facts(connected_registry=cr(**OFFLINE)), (Action.NONE, Reason.OK)),
    "succeeded, unhealthy": (facts(connected_registry=cr(connection_state="Unhealthy")), (Action.NONE, Reason.OK)),
    "failed, online": (facts(extension=extension("Failed")), (Action.NONE, Reason.OK)),
    "failed, offline": (
        facts(extension=extension("Failed"), connected_registry=cr(**OFFLINE)),
        (Action.GENERATE, Reason.EXTENSION_FAILED),
    ),
    "canceled, offline": (
        facts(extension=extension("Canceled"), connected_registry=cr(**NEVER_STARTED)),
        (Action.GENERATE, Reason.EXTENSION_FAILED),
    ),
    "in a state that nobody knows, offline": (
        facts(extension=extension("Hibernating"), connected_registry=cr(**OFFLINE)),
        (Action.NONE, Reason.OK),
    ),
}


@pytest.mark.parametrize(("seen", "expected"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_table_decides(seen, expected):
    decision = decide(seen)

    assert (decision.action, decision.reason) == expected
    assert decision.because


connectivities = st.sampled_from(["Connected", "connected", "Offline", "Expired", "Connecting", ""])
states = st.sampled_from(["Online", "ONLINE", "Syncing", "Offline", "Unhealthy", "?", ""])
provisionings = st.sampled_from(["Succeeded", "FAILED", "Creating", "deleting", "Canceled", "?", None])


@given(
    connectivities, states, provisionings, st.sampled_from(["Active", "Inactive"]), st.sampled_from(["SyncToken", "x"])
)
def test_an_online_registry_never_gets_a_password(connectivity, state, provisioning, activation, auth):
    seen = facts(
        cluster=cluster(connectivity),
        connected_registry=cr(connection_state=state, activation=activation, auth_type=auth),
        extension=extension(provisioning) if provisioning is not None else None,
    )

    decision = decide(seen)

    if state.lower() in {"online", "syncing"} or connectivity.lower() != "connected":
        assert decision.action is not Action.GENERATE


def ago(count: float):
    return NOW - minutes(count)


SLOT_CASES = {
    "no password yet": (token(), None, "password1"),
    "first absent": (token(password2=NOW), NOW, "password1"),
    "second absent": (token(password1=NOW), NOW, "password2"),
    "nothing installed: the older": (token(password1=ago(1), password2=ago(9)), None, "password2"),
    "nothing installed: the other older": (token(password1=ago(9), password2=ago(1)), None, "password1"),
    "delivered after both: the newer is in use": (token(password1=ago(9), password2=ago(5)), ago(1), "password1"),
    "made after the delivery: nobody has it": (token(password1=ago(9), password2=ago(1)), ago(5), "password2"),
    "the same the other way round": (token(password1=ago(1), password2=ago(9)), ago(5), "password1"),
    "delivered at the moment of making": (token(password1=ago(9), password2=ago(5)), ago(5), "password1"),
    "delivered before both": (token(password1=ago(2), password2=ago(1)), ago(9), "password1"),
    "made at an unknown time counts as oldest": (token(password1=ago(9), password2=None), ago(1), "password2"),
    "both made at an unknown time": (token(password1=None, password2=None), None, "password1"),
    "further names are no slots": (token(password1=ago(9), password2=ago(5), password3=ago(20)), ago(1), "password1"),
}


@pytest.mark.parametrize(("made", "delivered_at", "slot"), SLOT_CASES.values(), ids=SLOT_CASES)
def test_a_password_goes_into_the_slot_that_is_not_in_use(made, delivered_at, slot):
    assert idle_slot(made, delivered_at) == slot


moments = st.integers(0, 20).map(lambda count: NOW + timedelta(seconds=count))
slots = st.dictionaries(st.sampled_from(SLOTS), moments)


@given(slots, moments)
def test_the_slot_believed_in_use_is_never_returned(made, delivered_at):
    delivered = {slot: at for slot, at in made.items() if at <= delivered_at}
    newest = max(delivered.values(), default=None)
    believed = [slot for slot, at in delivered.items() if at == newest]

    slot = idle_slot(token(**made), delivered_at)

    assert slot in SLOTS
    if len(believed) == 1:
        assert slot != believed[0]


@given(slots)
def test_a_slot_that_holds_nothing_is_always_taken_first(made):
    slot = idle_slot(token(**made), NOW)

    assert slot not in made or len(made) == len(SLOTS)


STRING = (
    "ConnectedRegistryName=berlinplant;SyncTokenName=berlinplant;SyncTokenPassword=p+w/d=;"
    "ParentGatewayEndpoint=acreu1.westeurope.data.azurecr.io;ParentEndpointProtocol={}"
)
PROTOCOLS = {
    "below the cloud": (None, "https", "https"),
    "below the cloud http is not heard": (None, "http", "https"),
    "below another registry": ("parentplant", "https", "https"),
    "below another registry in plain": ("parentplant", "http", "http"),
}


@pytest.mark.parametrize(("parent", "asked", "used"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_the_connection_string_is_as_az_writes_it(parent, asked, used):
    made = connection_string(cr(parent=parent), Secret("p+w/d="), parent_protocol=asked)

    assert made.reveal() == STRING.format(used)
    assert "p+w/d=" not in repr(made)


UNUSABLE = {
    "no gateway": ({"gateway_endpoint": ""}, "pw", Reason.NO_GATEWAY_ENDPOINT),
    "a placeholder for a gateway": (
        {"gateway_endpoint": "<parent gateway endpoint>"},
        "pw",
        Reason.NO_GATEWAY_ENDPOINT,
    ),
    "no password": ({}, "", Reason.CREDENTIAL_UNUSABLE),
    "a placeholder": ({}, "<use --generate-password to generate a new password>", Reason.CREDENTIAL_UNUSABLE),
    "a password with a semicolon": ({}, "very;secret", Reason.CREDENTIAL_UNUSABLE),
}


@pytest.mark.parametrize(("values", "password", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_string_that_could_never_come_online_is_refused(values, password, reason):
    with pytest.raises(PermanentError) as refused:
        connection_string(cr(**values), Secret(password))

    assert refused.value.reason is reason
    assert not password or password == "pw" or password not in str(refused.value)
