"""Foreign errors become ours here, once: will trying again help, or must a person act?

Response texts are capped and stripped of anything that looks like a credential, since a service may echo what it was
sent. The foreign error is not chained (`from None`): Prefect writes tracebacks to its log, and with them its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError

import aiohttp
import httpx
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestTimeoutError,
)
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, OutcomeUnknownError, PermanentError, TransientError
from arcfleet.gateways.pacing import seconds_of

MAX_TEXT = 400
LASTING_CONFLICTS = ("ScopeLocked", "ReadOnlyDisabledSubscription", "MissingSubscriptionRegistration")
"""Codes of a 409 that no waiting ends."""
RETRYABLE = frozenset({408, 425, 500, 502, 503, 504})
_SECRETS = re.compile(
    r"""(SyncTokenPassword\s*=\s*|\\*"(?:password|auth)\\*"\s*:\s*\\*")[^;"\s\\]*""",
    re.IGNORECASE,
)
PULL = (
    "assign AcrPull (Microsoft.ContainerRegistry/registries/pull/read) on the registry; on one with repository "
    "permissions (ABAC) Container Registry Repository Reader and Catalog Lister"
)
SIGN_IN = "sign in (az login, or AZURE_CLIENT_ID and its companions) as somebody with rights on these resources"


def clean(text: str) -> str:
    """Return a text in one line, capped, with credentials masked."""
    return _SECRETS.sub(r"\1***", " ".join(text.split()))[:MAX_TEXT]


@contextmanager
def azure(subject: str, missing: Reason | None = None, remedy: str = "") -> Iterator[None]:
    """Translate the Azure SDKs' errors.

    Args:
        subject: What is being asked for, for messages.
        missing: The reason of a 404; without one it is an ordinary refusal.
        remedy: What to do about a 404.
    """
    try:
        yield
    except ClientAuthenticationError:
        raise PermanentError(
            Reason.AUTHENTICATION, f"{subject}: Azure did not accept the credential", SIGN_IN
        ) from None
    except (DecodeError, DeserializationError, IncompleteReadError, JSONDecodeError):
        raise TransientError(Reason.BAD_RESPONSE, f"{subject}: the answer is no valid JSON") from None
    except HttpResponseError as error:
        if error.status_code == 404 and missing:
            raise PermanentError(missing, f"{subject} does not exist", remedy, (_arm_text(error),)) from None
        headers: Mapping[str, str] = getattr(error.response, "headers", {})
        raise by_status(
            error.status_code or 0, subject, _arm_text(error), seconds_of(headers.get("Retry-After"))
        ) from None
    except AzureError as error:
        raise TransientError(Reason.UNREACHABLE, f"{subject}: no answer", evidence=(clean(str(error)),)) from None


@contextmanager
def unrepeatable(subject: str) -> Iterator[None]:
    """Tell the errors apart that leave open whether a request was carried out; to be used inside `azure`.

    A refusal says that it was not, and so does a connection that was never made.
    """
    try:
        yield
    except ClientAuthenticationError:
        raise
    except (DecodeError, DeserializationError, IncompleteReadError, JSONDecodeError):
        raise OutcomeUnknownError(Reason.BAD_RESPONSE, f"{subject}: the answer is no valid JSON") from None
    except HttpResponseError as error:
        if error.status_code not in RETRYABLE:
            raise
        status = error.status_code or 0
        message = f"{subject}: {_arm_text(error) or _phrase(status)}"
        wait = seconds_of(getattr(error.response, "headers", {}).get("Retry-After"))
        raise OutcomeUnknownError(Reason.UNREACHABLE, message, evidence=(f"HTTP {status}",), retry_after=wait) from None
    except ServiceRequestTimeoutError:
        raise
    except AzureError as error:
        if isinstance(error.inner_exception, aiohttp.ClientConnectorError):
            raise
        evidence = (clean(str(error)),)
        raise OutcomeUnknownError(Reason.UNREACHABLE, f"{subject}: no answer", evidence=evidence) from None


def by_status(status: int, subject: str, text: str, retry_after: float | None = None, *, right: str = "") -> FleetError:
    """Return the error that an HTTP status amounts to.

    Args:
        status: The status.
        subject: What was asked for.
        text: What the service said.
        retry_after: When it may be asked again.
        right: What to do about a missing right, where that is known.
    """
    message, evidence = f"{subject}: {text or _phrase(status)}", (f"HTTP {status}",)
    if status == 429:
        return TransientError(Reason.THROTTLED, message, evidence=evidence, retry_after=retry_after)
    if status in RETRYABLE:
        return TransientError(Reason.UNREACHABLE, message, evidence=evidence, retry_after=retry_after)
    if status == 409 and not any(code in text for code in LASTING_CONFLICTS):
        return TransientError(Reason.CONFLICT, message, evidence=evidence, retry_after=retry_after)
    if status == 401:
        return PermanentError(Reason.AUTHENTICATION, message, right or SIGN_IN, evidence)
    if status == 403:
        remedy = right or "grant the missing right to the identity in use"
        return PermanentError(Reason.FORBIDDEN, message, remedy, evidence)
    return PermanentError(Reason.REFUSED, message, "correct what the message names", evidence)


@contextmanager
def kubernetes(site: str, subject: str) -> Iterator[None]:
    """Translate the Kubernetes client's errors."""
    where = f"{subject} on the cluster of {site}"
    try:
        yield
    except ApiException as error:
        raise _kubernetes_error(error, where) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TransientError(
            Reason.UNREACHABLE,
            f"{where}: the Kubernetes API does not answer",
            "check the address in the kubeconfig and the way to it",
            (clean(str(error)) or type(error).__name__,),
        ) from None
    except ValidationError:
        raise TransientError(
            Reason.BAD_RESPONSE, f"{where}: the answer is not what the Kubernetes API describes"
        ) from None


def _kubernetes_error(error: ApiException, where: str) -> FleetError:
    """Quotas and terminating namespaces also answer 403; only a missing right is one.

    Source: the API server's Status bodies, facts gathered on 1.32 and 1.36.
    """
    text = _status_text(error)
    if error.status == 403 and "exceeded quota" in text:
        return PermanentError(Reason.QUOTA, f"{where}: {text}", "raise the namespace's quota")
    if error.status == 403 and "being terminated" in text:
        return TransientError(Reason.DELETE_IN_PROGRESS, f"{where}: {text}")
    if error.status == 409 and "conflict with" in text:
        return PermanentError(
            Reason.CONFLICT, f"{where}: {text}", "let one owner set these fields: remove them here or there"
        )
    if "failed to create typed patch object" in text:
        # The API server answers 500 to a field that it does not know.
        return PermanentError(Reason.POD_CONFIG, f"{where}: {text}", "correct the workload's manifest")
    if error.status == 401:
        return PermanentError(Reason.KUBECONFIG, f"{where}: {text}", "renew the kubeconfig's credentials")
    return by_status(error.status or 0, where, text)


def _status_text(error: ApiException) -> str:
    match = re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', error.body or "")
    return clean(match.group(1).replace('\\"', '"')) if match else clean(str(error.reason or ""))


@contextmanager
def registry(host: str, subject: str) -> Iterator[None]:
    """Translate httpx's errors of a registry's data plane."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise by_status(
            status,
            f"{subject} in {host}",
            _phrase(status),
            seconds_of(error.response.headers.get("Retry-After")),
            right=PULL,
        ) from None
    except JSONDecodeError:
        raise TransientError(Reason.BAD_RESPONSE, f"{subject} in {host}: the answer is no valid JSON") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(
            Reason.UNREACHABLE, f"{subject} in {host}: no answer", evidence=(type(error).__name__,)
        ) from None


def _arm_text(error: HttpResponseError) -> str:
    if error.error and error.error.code:
        return clean(f"{error.error.code}: {error.error.message}")
    return clean(error.reason or "")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else f"HTTP {status}"
