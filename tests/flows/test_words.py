"""A run that is refused says why, in its log and its state, with what to do and without a traceback."""

from __future__ import annotations

import logging

import pytest
from prefect import flow

from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from flows.deploy_fleet import deploy_fleet
from tests.conftest import fleet_text


@pytest.fixture
def told(prefect_home, caplog):
    """Return what the run's log has said at the level of errors."""
    caplog.set_level(logging.ERROR, "prefect.flow_runs")
    return lambda: [caplog.handler.format(record) for record in caplog.records if record.name == "prefect.flow_runs"]


async def test_a_site_that_the_fleet_does_not_have_is_told_in_one_line(told, tmp_path):
    (tmp_path / "fleet.yaml").write_text(fleet_text(12))

    state = await deploy_fleet(str(tmp_path / "fleet.yaml"), sites=["s13"], return_state=True)

    assert state.is_failed()
    assert state.message.endswith("--site s13  the fleet has no such site; did you mean s3?")
    assert any(line.endswith(" --site s13  the fleet has no such site; did you mean s3?") for line in told()), told()
    assert not any("Traceback" in line for line in told())


async def test_what_can_be_done_is_told_too_and_a_defect_keeps_its_traceback(told):
    @flow
    async def busy():
        raise PermanentError(Reason.BUSY, "the fleet is held", "wait for its end")

    @flow
    async def broken():
        raise ZeroDivisionError

    await busy(return_state=True)
    assert "the fleet is held\nwait for its end" in "\n".join(told())
    assert "Traceback" not in "\n".join(told())
    await broken(return_state=True)
    assert "Traceback" in "\n".join(told())
