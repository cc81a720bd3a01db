"""Polling of the volume: one poll's failure is not another's, and a volume that hangs holds up no draining."""

import threading

from conftest import wait_until

from serving.drain import Drain
from serving.poller import Poller


def test_a_poll_that_fails_ends_neither_itself_nor_the_others(caplog):
    calls = {"failing": 0, "good": 0}

    def failing():
        calls["failing"] += 1
        raise RuntimeError("not foreseen")

    def good():
        calls["good"] += 1

    poller = Poller(0.01, failing, good)
    poller.start()
    try:
        wait_until(lambda: min(calls.values()) >= 3, lambda: str(calls))
    finally:
        poller.stop()
    assert "looking at the registry failed" in caplog.messages
    assert "not foreseen" in caplog.text
    stopped = dict(calls)
    threading.Event().wait(0.05)
    assert calls == stopped


def test_one_that_was_not_started_can_be_stopped():
    Poller(1).stop()


def test_a_volume_that_hangs_holds_up_no_draining(tmp_path):
    released = threading.Event()
    poller = Poller(0.01, lambda: released.wait(10) and None)
    poller.start()
    try:
        drain = Drain(tmp_path / "drain")
        assert not drain.draining
        drain.path.touch()
        wait_until(lambda: drain.draining, lambda: "not draining")
    finally:
        released.set()
        poller.stop()


def test_the_file_is_checked_five_times_a_second_however_many_ask(tmp_path, monkeypatch):
    drain = Drain(tmp_path / "drain")
    checks = []
    monkeypatch.setattr(drain, "_requested", lambda: bool(checks.append(1)))
    assert not any(drain.draining for _ in range(10_000))
    assert 1 <= len(checks) <= 3
