"""The bridge's outbox: what it took is there after a crash, and a burst is one entry."""

import sqlite3
from dataclasses import replace

import pytest
from examples import DIGEST, LOGIN_SERVER, NOW, minutes

from arcfleet.app.bridging.outbox import Outbox
from arcfleet.core.sync.pushes import Arrived, Push


def push(tag="stable", repository="app/web"):
    return Push("1", "acreu1", LOGIN_SERVER, repository, tag, DIGEST)


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path / "bridge.db")
    yield made
    made.close()


def test_a_burst_to_a_repository_is_one_entry_with_the_newest_push(outbox):
    for number in range(1000):
        outbox.put([push(f"t{number}")], now=number / 1000)

    (entry,) = outbox.due(now=10, quiet=5, longest=60)

    assert (entry.count, entry.tag, entry.first, entry.last) == (1000, "t999", 0, 0.999)


def test_an_entry_is_due_once_it_is_quiet_or_when_it_has_waited_long_enough(outbox):
    outbox.put([push()], now=0)

    assert not outbox.due(now=4, quiet=5, longest=60)
    assert outbox.due(now=5, quiet=5, longest=60)
    outbox.put([push()], now=59)
    assert not outbox.due(now=59.9, quiet=5, longest=60)
    assert outbox.due(now=60, quiet=5, longest=60)


def test_a_push_while_an_entry_is_sent_is_sent_too(outbox):
    outbox.put([push()], now=0)
    (sent,) = outbox.due(now=10, quiet=5, longest=60)
    outbox.put([push("next")], now=11)

    outbox.remove(sent)

    (entry,) = outbox.due(now=20, quiet=5, longest=60)
    assert (entry.tag, entry.count, entry.first) == ("next", 1, 11)
    assert entry.id != sent.id
    outbox.remove(entry)
    assert outbox.waiting() == (0, None)


def test_what_was_taken_is_there_after_the_process_ended(tmp_path):
    first = Outbox(tmp_path / "bridge.db")
    first.put([push(), push(repository="app/api")], now=0)
    # No close: a killed process closes nothing.

    second = Outbox(tmp_path / "bridge.db")

    assert second.waiting() == (2, 0)
    second.close()
    first.close()


def test_what_cannot_be_written_is_kept_in_no_part(outbox, tmp_path):
    with sqlite3.connect(tmp_path / "bridge.db") as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON pushes WHEN NEW.repository = 'app/api' "
                      "BEGIN SELECT RAISE(ABORT, 'disk is full'); END")  # fmt: skip
    other.close()

    with pytest.raises(sqlite3.Error, match="disk is full"):
        outbox.put([push(), push(repository="app/api")], now=0)

    assert outbox.waiting() == (0, None)


def arrival(digest=DIGEST, at=NOW):
    return replace(push(), digest=digest, arrived=Arrived("BerlinPlant", at))


def test_an_arrival_is_no_push_and_the_newest_of_an_image_is_kept(outbox):
    outbox.put([arrival(), arrival("sha256:newer", NOW + minutes(1)), arrival()], now=5)

    (kept,) = outbox.arrivals()

    assert (kept.connected_registry, kept.image, kept.digest) == ("berlinplant", "app/web:stable", "sha256:newer")
    assert not outbox.due(now=1e12, quiet=0, longest=0)
    assert outbox.waiting() == (1, 5)


def test_an_arrival_that_is_told_while_another_is_handed_over_stays(outbox):
    outbox.put([arrival()], now=0)
    sent = outbox.arrivals()
    outbox.put([arrival("sha256:newer", NOW + minutes(1))], now=1)

    outbox.remove_arrivals(sent)

    (left,) = outbox.arrivals()
    assert left.digest == "sha256:newer"
    outbox.remove_arrivals([left])
    assert outbox.waiting() == (0, None)
