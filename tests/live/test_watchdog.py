"""What the watchdog takes for stuck, and what not."""

from __future__ import annotations

from time import monotonic

from streams.live.watchdog import Beats, Stuck, Watchdog

PATIENCE = 60.0


def watchdog() -> Watchdog:
    return Watchdog(lambda: Beats(0.0, 0.0, 0.0, False), PATIENCE, lambda fault: None)


def test_an_event_loop_that_does_not_turn_is_stuck() -> None:
    now = monotonic() + 1_000
    assert watchdog().complaint(Beats(now - 61, now, now, False), now) is not None
    assert watchdog().complaint(Beats(now - 59, now, now, False), now) is None


def test_records_that_wait_while_nothing_gets_done_are_stuck() -> None:
    now = monotonic() + 1_000
    assert watchdog().complaint(Beats(now, now, now - 61, True), now) is not None
    assert watchdog().complaint(Beats(now, now, now - 61, False), now) is None


def test_patience_begins_anew_when_the_broker_is_back() -> None:
    dog, now = watchdog(), monotonic() + 1_000
    assert dog.complaint(Beats(now, now - 300, now - 300, True), now) is None
    assert dog.complaint(Beats(now + 59, now + 59, now - 300, True), now + 59) is None
    assert dog.complaint(Beats(now + 61, now + 61, now - 300, True), now + 61) is not None


def test_it_barks_once_from_its_own_thread() -> None:
    heard: list[BaseException] = []
    dog = Watchdog(lambda: Beats(monotonic() - 99, monotonic(), monotonic(), False), PATIENCE, heard.append, every=0.01)
    dog.start()
    dog._thread.join(60)
    assert [type(fault) for fault in heard] == [Stuck]
