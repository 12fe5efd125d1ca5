"""Translation: a foreign error becomes ours once, without any secret that it may carry."""

import json
import traceback
from types import SimpleNamespace

import aiohttp
import httpx
import pytest
from azure.core import exceptions as azure_errors
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio.client.exceptions import ApiException
from pydantic import TypeAdapter

from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import translation
from arcfleet.gateways.translation import MAX_TEXT, azure, by_status, clean, kubernetes, registry


def written(error: Exception) -> str:
    """Return what a log shows of an error."""
    return "".join(traceback.format_exception(error))


def assert_unchained(ours: Exception, foreign: Exception) -> None:
    """Check that a traceback of ours, which Prefect logs, does not go on to the foreign error and its text."""
    assert ours.__cause__ is None
    assert ours.__suppress_context__
    assert "During handling of" not in written(ours)
    assert f"{type(foreign).__module__}.{type(foreign).__qualname__}" not in written(ours)


STATUSES = {
    400: (PermanentError, Reason.REFUSED),
    401: (PermanentError, Reason.AUTHENTICATION),
    403: (PermanentError, Reason.FORBIDDEN),
    404: (PermanentError, Reason.REFUSED),
    408: (TransientError, Reason.UNREACHABLE),
    409: (TransientError, Reason.CONFLICT),
    429: (TransientError, Reason.THROTTLED),
    500: (TransientError, Reason.UNREACHABLE),
    501: (PermanentError, Reason.REFUSED),
    503: (TransientError, Reason.UNREACHABLE),
    504: (TransientError, Reason.UNREACHABLE),
    799: (PermanentError, Reason.REFUSED),
    0: (PermanentError, Reason.REFUSED),
}


@pytest.mark.parametrize(("status", "expected"), STATUSES.items(), ids=STATUSES)
def test_a_status_tells_whether_trying_again_helps(status, expected):
    error = by_status(status, "registry acreu1", "Code: text", 17.0)

    assert (type(error), error.reason) == expected
    assert (error.message, error.evidence) == ("registry acreu1: Code: text", (f"HTTP {status}",))
    assert getattr(error, "retry_after", 17.0) == 17.0
    assert bool(error.remedy) is isinstance(error, PermanentError)


@pytest.mark.parametrize(("status", "phrase"), [(404, "Not Found"), (799, "HTTP 799")])
def test_without_a_text_the_status_has_a_phrase(status, phrase):
    assert by_status(status, "x", "").message == f"x: {phrase}"


LASTING = ["ScopeLocked", "ReadOnlyDisabledSubscription", "MissingSubscriptionRegistration"]


@pytest.mark.parametrize("code", LASTING)
def test_a_conflict_that_no_waiting_ends_is_permanent(code):
    with pytest.raises(PermanentError) as ours, azure("x"):
        raise arm(409, code, "no")

    assert (ours.value.reason, ours.value.message) == (Reason.REFUSED, f"x: {code}: no")
    assert ours.value.remedy


def test_any_other_conflict_passes():
    with pytest.raises(TransientError) as ours, azure("x"):
        raise arm(409, "AnotherOperationInProgress", "no")

    assert ours.value.reason is Reason.CONFLICT


SECRETS = {
    "connection string": "a SyncTokenPassword=hunter2;Parent=x",
    "in capitals": "synctokenpassword=hunter2",
    "JSON": '{"password": "hunter2", "x": 1}',
    "JSON auth": '{"auth":"hunter2"}',
    "with spaces": "a SyncTokenPassword = hunter2; Parent = x",
    "over two lines": "SyncTokenPassword =\n  hunter2",
    "JSON within JSON": json.dumps({"message": json.dumps({"password": "hunter2", "x": 1})}),
    "JSON within JSON within JSON": json.dumps(json.dumps(json.dumps({"auth": "hunter2"}))),
    "a string within JSON": json.dumps({"value": "SyncTokenPassword=hunter2;Parent=x"}),
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_credential_is_masked(text):
    assert "hunter2" not in clean(text)
    assert "***" in clean(text)


@given(st.text(max_size=3000))
def test_a_foreign_text_becomes_one_short_line(text):
    cleaned = clean(text)

    assert len(cleaned) <= MAX_TEXT
    assert "\n" not in cleaned
    assert clean(cleaned) == cleaned.strip()


def arm(status: int, code: str = "", message: str = "", **headers: str) -> azure_errors.HttpResponseError:
    body = json.dumps({"error": {"code": code, "message": message}}) if code else ""
    response = SimpleNamespace(
        status_code=status,
        reason="A reason",
        headers=headers,
        text=lambda: body,
        body=body.encode,
        content_type="application/json",
    )
    return azure_errors.HttpResponseError(response=response)


AZURE = {
    "no credential": (azure_errors.ClientAuthenticationError("secret text"), PermanentError, Reason.AUTHENTICATION),
    "no JSON": (azure_errors.DecodeError("x"), TransientError, Reason.BAD_RESPONSE),
    "another shape": (azure_errors.DeserializationError("x"), TransientError, Reason.BAD_RESPONSE),
    "cut off": (azure_errors.IncompleteReadError("x"), TransientError, Reason.BAD_RESPONSE),
    "no answer": (azure_errors.ServiceRequestError("refused"), TransientError, Reason.UNREACHABLE),
    "refused": (arm(400, "BadRequest", "no"), PermanentError, Reason.REFUSED),
    "throttled": (arm(429), TransientError, Reason.THROTTLED),
    "without a response": (azure_errors.HttpResponseError("x"), PermanentError, Reason.REFUSED),
    "not there": (arm(404, "ResourceNotFound", "gone"), PermanentError, Reason.CLUSTER_NOT_FOUND),
}


@pytest.mark.parametrize(("foreign", "kind", "reason"), AZURE.values(), ids=AZURE)
def test_an_error_of_azures_sdk_becomes_ours_and_is_not_chained(foreign, kind, reason):
    with pytest.raises(kind) as ours, azure("cluster k-1", Reason.CLUSTER_NOT_FOUND, "connect it"):
        raise foreign

    assert type(ours.value) is kind
    assert ours.value.reason is reason
    assert_unchained(ours.value, foreign)
    assert "cluster k-1" in ours.value.message
    assert "secret text" not in str(ours.value)


def test_arms_code_and_message_are_told():
    with pytest.raises(PermanentError) as ours, azure("x"):
        raise arm(404, "ResourceNotFound", "It is\nnot there")

    assert ours.value.message == "x: ResourceNotFound: It is not there"
    assert ours.value.reason is Reason.REFUSED


def test_the_wait_that_azure_asks_for_is_kept():
    with pytest.raises(TransientError) as ours, azure("x"):
        raise arm(503, **{"Retry-After": "9"})

    assert (ours.value.retry_after, ours.value.message) == (9.0, "x: A reason")


def kube(status: int, message: str | None = None, reason: str = "") -> ApiException:
    error = ApiException(status=status, reason=reason)
    error.body = None if message is None else json.dumps({"kind": "Status", "message": message})
    return error


KUBERNETES = {
    "no right": (kube(403, 'deployments is forbidden: User "x"'), PermanentError, Reason.FORBIDDEN),
    "quota": (kube(403, "pods is forbidden: exceeded quota: pods=0"), PermanentError, Reason.QUOTA),
    "terminating": (
        kube(403, "namespace x because it is being terminated"),
        TransientError,
        Reason.DELETE_IN_PROGRESS,
    ),
    "another owner": (
        kube(409, 'Apply failed with 1 conflict: conflict with "kubectl"'),
        PermanentError,
        Reason.CONFLICT,
    ),
    "another writer": (kube(409, "the object has been modified"), TransientError, Reason.CONFLICT),
    "kubeconfig": (kube(401, "Unauthorized"), PermanentError, Reason.KUBECONFIG),
    "invalid": (kube(422, "Deployment is invalid"), PermanentError, Reason.REFUSED),
    "a field that it does not know": (
        kube(500, "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): field not declared"),
        PermanentError,
        Reason.POD_CONFIG,
    ),
    "any other defect of the server": (kube(500, "etcd is down"), TransientError, Reason.UNREACHABLE),
    "busy": (kube(429), TransientError, Reason.THROTTLED),
    "no status": (kube(0, reason="Handshake status"), PermanentError, Reason.REFUSED),
    "no connection": (aiohttp.ClientConnectionError("refused"), TransientError, Reason.UNREACHABLE),
    "too slow": (TimeoutError(), TransientError, Reason.UNREACHABLE),
    "no way": (OSError("unreachable"), TransientError, Reason.UNREACHABLE),
}


@pytest.mark.parametrize(("foreign", "kind", "reason"), KUBERNETES.values(), ids=KUBERNETES)
def test_an_error_of_the_kubernetes_client_becomes_ours(foreign, kind, reason):
    with pytest.raises(kind) as ours, kubernetes("berlin", "deployment web"):
        raise foreign

    assert (type(ours.value), ours.value.reason) == (kind, reason)
    assert_unchained(ours.value, foreign)
    assert ours.value.message.startswith("deployment web on the cluster of berlin: ")


def test_a_status_body_is_told_with_its_quotes():
    with pytest.raises(PermanentError, match='User "x" cannot'), kubernetes("berlin", "x"):
        raise kube(403, 'User "x" cannot')


def test_a_timeout_without_words_is_named():
    with pytest.raises(TransientError) as ours, kubernetes("berlin", "x"):
        raise TimeoutError

    assert ours.value.evidence == ("TimeoutError",)


def test_an_answer_of_another_shape_is_a_bad_response_and_is_not_quoted():
    with pytest.raises(TransientError) as ours, kubernetes("berlin", "x"):
        TypeAdapter(int).validate_python("hunter2")

    assert ours.value.reason is Reason.BAD_RESPONSE
    assert "hunter2" not in written(ours.value)


def answer(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "https://acreu1.azurecr.io/v2/")
    return httpx.HTTPStatusError("x", request=request, response=httpx.Response(status, headers=headers))


DATA_PLANE = {
    "unauthorized": (answer(401), PermanentError, Reason.AUTHENTICATION),
    "throttled": (answer(429, **{"Retry-After": "3"}), TransientError, Reason.THROTTLED),
    "no connection": (httpx.ConnectError("x"), TransientError, Reason.UNREACHABLE),
    "no address": (httpx.InvalidURL("x"), TransientError, Reason.UNREACHABLE),
    "no JSON": (json.JSONDecodeError("x", "", 0), TransientError, Reason.BAD_RESPONSE),
}


@pytest.mark.parametrize(("foreign", "kind", "reason"), DATA_PLANE.values(), ids=DATA_PLANE)
def test_an_error_of_a_registrys_data_plane_becomes_ours(foreign, kind, reason):
    with pytest.raises(kind) as ours, registry("acreu1.azurecr.io", "app/web:stable"):
        raise foreign

    assert (type(ours.value), ours.value.reason) == (kind, reason)
    assert_unchained(ours.value, foreign)
    assert ours.value.message.startswith("app/web:stable in acreu1.azurecr.io: ")


WAYS = {"azure": azure("x"), "kubernetes": kubernetes("berlin", "x"), "registry": registry("h", "x")}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_error_that_is_already_ours_or_a_defect_passes_unchanged(way):
    defect = ZeroDivisionError("x")

    with pytest.raises(ZeroDivisionError) as passed, way:
        raise defect

    assert passed.value is defect


def test_the_retryable_statuses_are_those_that_pass_by_themselves():
    assert sorted(translation.RETRYABLE) == [408, 425, 500, 502, 503, 504]
