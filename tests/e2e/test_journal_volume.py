"""Two services write batches at full speed on a volume that they share with the registry, and that is small."""

import contextlib
import itertools
import shutil
import threading
import time

import httpx
import pyarrow as pa
import pytest
from arrow_streams import ask, stream
from conftest import SAFE, Home, mounted, start_server, wait_until

MIB = 2**20
VOLUME = 256 * MIB
SECONDS = 20
BOUND = VOLUME // 2
ROWS = 20_000


@pytest.fixture
def small_volume(tmp_path, trained_home):
    """A trained home on a file system of its own."""
    home = tmp_path / "home"
    home.mkdir()
    with mounted(home, f"size={VOLUME}"):
        ignored = shutil.ignore_patterns("logs", "*.log")
        shutil.copytree(trained_home.path, home, ignore=ignored, dirs_exist_ok=True)
        yield home


class Background:
    """Runs functions again and again, each in a thread, until it is left; the first error is raised then."""

    def __init__(self):
        self._stop, self._threads, self._errors = threading.Event(), [], []

    def repeat(self, function, *arguments, pause=0.0):
        def run():
            while not self._stop.wait(pause) and not self._errors:
                try:
                    function(*arguments)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - raised again by `__exit__`
                    self._errors.append(error)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    @property
    def failed(self):
        return bool(self._errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


def journal_bytes(home):
    total = 0
    for path in (home / "logs").glob("predictions*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def metric(server, name):
    rows = httpx.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return sum(float(row.split()[-1]) for row in rows if row.startswith((f"{name} ", f"{name}{{")))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_journal_keeps_its_bound_and_the_registry_its_room(small_volume, tmp_path):
    homes = [Home(small_volume, tmp_path / f"bentoml-{number}") for number in (1, 2)]
    for home in homes:
        home.bentoml_home.mkdir()
    servers = [start_server(home, CHURN_JOURNAL_MAX_BYTES=str(BOUND)) for home in homes]
    body = stream(pa.Table.from_pylist([SAFE] * ROWS))
    answered, kept, promoted = [], [], []

    def send(server):
        assert ask(server, body).status_code == 200
        answered.append(ROWS)

    def look():
        kept.append(journal_bytes(small_volume))
        assert kept[-1] <= BOUND

    versions = (f"load{number}" for number in itertools.count())

    def train():
        done = homes[0].run("train.py", "--version", next(versions), "--force-reason", "another one")
        assert done.returncode == 0, done.stdout + done.stderr
        promoted.append(done)

    def total(name):
        return sum(metric(server, name) for server in servers)

    def done():
        enough = total("churn_journal_removed_bytes_total") > 2 * BOUND and time.monotonic() - began > SECONDS
        return background.failed or (enough and promoted)

    began = time.monotonic()
    try:
        with Background() as background:
            for server in servers:
                background.repeat(send, server)
                background.repeat(send, server)
            background.repeat(look, pause=0.01)
            background.repeat(train, pause=1)
            wait_until(
                done, lambda: f"{len(answered)} batches, {kept[-1]} bytes, {len(promoted)} models", SECONDS + 180
            )
        left = journal_bytes(small_volume)
        for server in servers:
            assert metric(server, "churn_journal_removed_bytes_total") > 0
            assert metric(server, "churn_journal_max_bytes") == BOUND
            wait_until(lambda s=server: metric(s, "churn_journal_bytes") == left, server.log.read_text)
        assert total("churn_journal_dropped_total") == 0
        gone, gone_files = total("churn_journal_removed_bytes_total"), total("churn_journal_removed_files_total")
        lines = len(homes[0].journal_lines())
    finally:
        for server in servers:
            server.stop()
    # Every row was written, and is there or counted; the lines of the bundled table are about equally long.
    assert (left + gone) / (left / lines) == pytest.approx(sum(answered), rel=0.02)
    assert gone_files >= gone / (BOUND / 32)
    assert max(kept) > 0.8 * BOUND
