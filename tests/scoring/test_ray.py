"""Ray gives each row the bytes of the plain function, once, whatever becomes of its machines."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from conftest import ROOT, wait_until
from engine_models import KEEP, ROWS, Engines, engines
from ray.cluster_utils import Cluster

from churn.errors import SettingsError
from churn.scoring.files.options import Options
from churn.scoring.ray_engine import check_options
from churn.scoring.table import score_table

pytestmark = pytest.mark.slow
__all__ = ["engines"]

BIG = 3_000_000
COMMAND = """
import sys
from churn.cli import run_command
from churn.settings import read_settings

def run():
    from churn.scoring.files.options import Options
    from churn.scoring.ray_engine import run_ray
    return run_ray(Options(**{options}), read_settings())

sys.exit(run_command("score.py", run))
"""


def command(**options) -> list[str]:
    return [sys.executable, "-c", COMMAND.replace("{options}", repr(options))]


def environment(engines: Engines) -> dict[str, str]:
    return engines.home.environment | {"PYTHONPATH": str(ROOT)}


def score_by_ray(engines: Engines, **options) -> subprocess.CompletedProcess[str]:
    # Elsewhere than the project, as on a cluster: `churn` is found by the environment.
    return subprocess.run(
        command(**options), cwd="/", env=environment(engines), capture_output=True, text=True, check=False, timeout=110
    )


def read_parts(folder: Path) -> pa.Table:
    assert json.loads((folder / "_SUCCESS").read_text())["rows"] > 0
    return pa.concat_tables(pq.read_table(part) for part in sorted(folder.glob("part-*.parquet")))


# On loopback, and not as 127.0.0.1, in whose place Ray puts the machine's other address.
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.2"}


@contextmanager
def begun_cluster() -> Iterator[Cluster]:
    """Its first machine; all of them find `churn` by their environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        found = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
        try:
            yield found
        finally:
            found.shutdown()


@pytest.fixture(scope="module")
def cluster():
    """A cluster of this machine, which the tests share: to start one takes as long as five of them."""
    with begun_cluster() as found:
        yield found


@pytest.mark.parametrize("name", ["bundled", "shop"])
def test_same_rows_and_same_bytes(engines, cluster, tmp_path, name):
    found = getattr(engines, name)
    given, out = found.write(tmp_path / "in", files=5), tmp_path / "out"
    done = score_by_ray(
        engines, given=str(given), out=str(out), model=found.model.tag, keep=[KEEP], explain=True,
        address=cluster.address,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{ROWS:,} rows scored by {found.model.tag} in ")
    scored = read_parts(out)
    assert scored.equals(score_table(found.table, found.model, keep=[KEEP], explain=True))
    success = json.loads((out / "_SUCCESS").read_text())
    schema = {"name": found.model.scorer.schema.name, "digest": found.model.scorer.schema.digest}
    assert (success["model_version"], success["schema"], success["rows"]) == (found.model.tag, schema, ROWS)
    assert [(Path(file["path"]).name, file["size"]) for file in success["files"]] == [
        (path.name, path.stat().st_size) for path in sorted(given.iterdir())
    ]
    assert len(list(out.iterdir())) == 6
    metadata = pq.read_metadata(out / "part-000004.parquet").metadata
    assert (metadata[b"model_version"].decode(), json.loads(metadata[b"schema"])) == (found.model.tag, schema)


def test_csv_patterns_and_urls(engines, cluster, tmp_path):
    found = engines.shop
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "_SUCCESS").touch()
    frame = found.table.to_pandas()
    for number in range(2):
        half = frame[number * ROWS // 2 : (number + 1) * ROWS // 2]
        half.to_csv(folder / f"in-{number}.csv", index=False, sep=";", decimal=",", encoding="utf-8-sig")
    expected = score_table(found.table, found.model)
    for number, given in enumerate([f"{folder}/in-*.csv", folder.as_uri()]):
        out = tmp_path / f"out-{number}"
        done = score_by_ray(engines, given=given, out=out.as_uri(), address=cluster.address)
        assert (done.returncode, done.stderr) == (0, "")
        assert read_parts(out).equals(expected)


def test_mistakes_end_with_a_message_and_no_success(engines, cluster, tmp_path):
    found = engines.shop
    bad = tmp_path / "bad"
    bad.mkdir()
    pq.write_table(found.with_value(1234, "items", 501), bad / "in.parquet", row_group_size=1_000)
    (tmp_path / "cut.parquet").write_bytes((bad / "in.parquet").read_bytes()[:-100])
    pq.write_table(found.table.slice(0, 0), tmp_path / "empty.parquet")
    pc.write_csv(found.table.slice(0, 9), tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open("a") as file:
        file.write('"Gold","many",1,true,"ACCRA",1,"C-1",9\n')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    cases = [
        (bad, "out", "customer 'C-001234', column items: '501' is out of range; allowed: whole numbers from 0 to 500"),
        (tmp_path / "cut.parquet", "out", "is not a whole Parquet file"),
        (tmp_path / "empty.parquet", "out", "has no rows"),
        (tmp_path / "bad.csv", "out", "customer 'C-1', column items: 'many' is not a number"),
        (tmp_path / "none.parquet", "out", "there is no such file"),
        (bad, "bad", "is a folder that is read too"),
        (bad, "full", "holds 'notes.txt', which is no part of scores"),
        ("nowhere://bucket/in.parquet", "out", "cannot be reached"),
    ]
    for given, out, message in cases:
        done = score_by_ray(engines, given=str(given), out=str(tmp_path / out), address=cluster.address)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / out / "_SUCCESS").exists()


def test_an_unfinished_run_is_replaced_and_a_finished_one_is_not(engines, cluster, tmp_path):
    given, out = engines.shop.write(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    for left in ("part-000007.parquet", ".part-000001.parquet-12-345"):
        (out / left).touch()
    asked = {"given": str(given), "out": str(out), "address": cluster.address}
    assert score_by_ray(engines, **asked).returncode == 0
    assert read_parts(out).num_rows == ROWS
    assert len(list(out.iterdir())) == 4
    again = score_by_ray(engines, **asked)
    assert (again.returncode, "holds the scores of a finished run" in again.stderr) == (2, True)


def test_no_cluster_at_the_address(engines, tmp_path):
    given = engines.shop.write(tmp_path / "in")
    done = score_by_ray(engines, given=str(given), out=str(tmp_path / "out"), address="127.0.0.1:9")
    assert done.returncode == 2
    assert "no Ray cluster answers at 127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_of_the_other_engine_are_refused():
    for options in ({"rank": True}, {"resume": True}, {"journal": True}, {"on_error": "skip"}, {"form": "csv"}):
        with pytest.raises(SettingsError, match="--engine ray does not do that"):
            check_options(Options("in", "out", **options))


def test_a_machine_of_its_own(engines, tmp_path):
    """Without an address, a cluster begins and ends with the command."""
    given = engines.bundled.write(tmp_path / "in")
    done = score_by_ray(engines, given=str(given), out=str(tmp_path / "out"), model=engines.bundled.model.tag)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_parts(tmp_path / "out").num_rows == ROWS


def test_a_lost_machine_costs_no_row_and_doubles_none(engines, tmp_path):
    table = pa.concat_tables([engines.bundled.table] * (BIG // ROWS)).combine_chunks()
    table = table.set_column(table.schema.get_field_index(KEEP), KEEP, pa.array(range(table.num_rows)))
    given, out = tmp_path / "in", tmp_path / "out"
    given.mkdir()
    for number in range(30):
        rows = BIG // 30
        pq.write_table(table.slice(number * rows, rows), given / f"in-{number:02}.parquet")
    with begun_cluster() as cluster:
        worker = cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        asked = {"given": str(given), "out": str(out), "keep": [KEEP], "address": cluster.address}
        process = subprocess.Popen(
            command(**asked, model=engines.bundled.model.tag), cwd="/", env=environment(engines),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            wait_until(lambda: len(list(out.glob("part-*"))) >= 5 or process.poll() is not None, str, 60)
            cluster.remove_node(worker, allow_graceful=False)
            assert not (out / "_SUCCESS").exists(), "the machine was lost too late to matter"
            _, errors = process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    scored = read_parts(out)
    assert scored[KEEP].to_pylist() == list(range(BIG))
    expected = score_table(table.slice(0, ROWS), engines.bundled.model)["probability"]
    assert scored["probability"].to_pylist() == expected.to_pylist() * (BIG // ROWS)
