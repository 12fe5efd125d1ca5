"""Following a registry's operation: soon at first, never sooner than asked, and not for ever."""

from types import SimpleNamespace

import pytest
from fakes import FakeClock

from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.gateways.polling import DEADLINE, USUAL, PatientPolling


def polling(clock: FakeClock, **headers: str) -> PatientPolling:
    made = PatientPolling(clock, "token berlin1")
    made._operation, made._status = object(), "InProgress"
    made._pipeline_response = SimpleNamespace(http_response=SimpleNamespace(headers=headers))
    return made


async def test_a_short_operation_is_looked_at_within_its_usual_length():
    clock = FakeClock()

    await polling(clock)._delay()

    assert 0 < clock.now < USUAL


async def test_the_service_is_not_asked_sooner_than_it_wants():
    clock = FakeClock()

    await polling(clock, **{"Retry-After": "20"})._delay()

    assert clock.now == 20


async def test_an_operation_that_never_ends_is_given_up():
    clock = FakeClock()
    endless = polling(clock)

    async def follow() -> None:
        while True:
            await endless._delay()

    with pytest.raises(PermanentError) as error:
        await follow()

    assert (error.value.reason, clock.now >= DEADLINE) == (Reason.REGISTRY_PROGRESSING, True)
    assert "token berlin1: operation still InProgress" in error.value.message
