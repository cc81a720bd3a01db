import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from sklearn.metrics import log_loss, roc_auc_score

from churn.data import simulation
from churn.data.__main__ import main
from churn.data.dataset import read_dataset
from churn.data.simulation import FEATURE_NAMES, TARGET, simulate, write_simulated
from churn.schema.reading import bundled_schema


def generate(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "churn.dataset", "generate", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_bundled_set_is_what_the_command_makes(tmp_path):
    out = tmp_path / "churn.csv"
    done = generate("--rows", 1200, "--seed", 42, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == f"wrote 1,200 rows of seed 42 to {out}\n"
    assert out.read_bytes() == (ROOT / "data" / "churn.csv").read_bytes()
    assert names(tmp_path) == ["churn.csv"]


def test_the_simulated_table_is_that_of_the_bundled_schema():
    assert bundled_schema().feature_names == FEATURE_NAMES
    assert bundled_schema().target.column == TARGET


def test_bundled_set_is_a_typical_one():
    _, target, probability = simulate(1200, 42)
    assert target.mean() == pytest.approx(0.533, abs=2 * 0.0144)
    assert roc_auc_score(target, probability) == pytest.approx(0.709, abs=0.015)


def test_a_million_rows_follow_the_process():
    """Limits are four standard deviations of a set of this size."""
    frame, target, probability = simulate(1_000_000, 7)
    assert target.mean() == pytest.approx(0.533, abs=0.002)
    assert roc_auc_score(target, probability) == pytest.approx(0.709, abs=0.0025)
    assert log_loss(target, probability) == pytest.approx(0.6209, abs=0.0025)
    assert frame["tenure_months"].value_counts(normalize=True).between(1 / 59 - 0.0006, 1 / 59 + 0.0006).sum() == 59
    assert frame["num_complaints"].mean() == pytest.approx(1.2, abs=0.0045)
    assert frame["num_complaints"].var() == pytest.approx(1.2, abs=0.009)
    assert frame["avg_session_minutes"].between(1, 120).all()
    assert frame["avg_session_minutes"].median() == pytest.approx(35, abs=0.07)
    for name, shares in {
        "plan_type": {"premium": 0.28},
        "region": {"NA": 0.25, "EU": 0.3, "AF": 0.25, "AS": 0.2},
    }.items():
        measured = frame[name].value_counts(normalize=True)
        for category, share in shares.items():
            assert measured[category] == pytest.approx(share, abs=0.002)


def test_probability_is_that_of_the_row():
    frame, _, probability = simulate(200, 3)
    for row, expected in zip(frame.itertuples(), probability, strict=True):
        logit = 1.2 + 0.55 * row.num_complaints - 0.03 * row.tenure_months - 0.02 * row.avg_session_minutes
        logit += {"basic": 0, "premium": -0.35}[row.plan_type] + {"NA": 0, "EU": -0.05, "AF": 0.08, "AS": 0}[row.region]
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(expected, abs=1e-12)


def test_rows_do_not_depend_on_how_many_are_asked_for():
    count = simulation.BLOCK_ROWS + 10
    longer, shorter = simulate(count, 5), simulate(700, 5)
    pd.testing.assert_frame_equal(longer[0].iloc[:700], shorter[0])
    assert longer[1][:700].tolist() == shorter[1].tolist()
    assert not longer[0].iloc[-10:].reset_index(drop=True).equals(longer[0].iloc[:10])
    assert not simulate(700, 6)[0].equals(shorter[0])


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_written_reads_back_equal(tmp_path, name):
    rows = simulation.BLOCK_ROWS + 500
    write_simulated(rows, 9, tmp_path / name)
    dataset = read_dataset(tmp_path / name, bundled_schema())
    frame, target, _ = simulate(rows, 9)
    pd.testing.assert_frame_equal(dataset.frame, frame)
    assert (dataset.target == target).all()
    first = (tmp_path / name).read_bytes()
    write_simulated(rows, 9, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--rows", "0", "--out", "a.csv"], "--rows 0 is not allowed; allowed: 1 or more"),
        (["--rows", "-5", "--out", "a.csv"], "--rows -5 is not allowed; allowed: 1 or more"),
        (["--rows", "many", "--out", "a.csv"], "Invalid value for '--rows': 'many' is not a valid integer"),
        (["--rows", "5"], "Missing option '--out'"),
        (["--rows", "5", "--seed", "-1", "--out", "a.csv"], "--seed -1 is not allowed; allowed: 0 or more"),
        (["--rows", "5", "--out", "a.xlsx"], "its name must end in .csv or .parquet"),
        (["--rows", "5", "--out", "none/a.csv"], "there is no folder"),
        (["--rows", "5", "--out", "folder.csv"], "it is a folder"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(tmp_path, capsys, options, expected):
    (tmp_path / "folder.csv").mkdir()
    if "--out" in options:
        options = [*options[:-1], str(tmp_path / options[-1])]
    assert main(["generate", *options]) == 2
    told = capsys.readouterr()
    assert expected in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""
    assert names(tmp_path) == ["folder.csv"]


def test_a_protected_file_is_left_alone(tmp_path):
    out = tmp_path / "mine.csv"
    out.write_text("mine")
    out.chmod(0o444)
    tmp_path.chmod(0o777)
    # Root may write everything, so it becomes somebody else once all is imported.
    code = (
        "import os, sys, churn.data.simulation; from churn.data.__main__ import main; os.getuid() or os.setuid(65534); "
        f"sys.exit(main(['generate', '--rows', '5', '--out', {out.name!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == "churn.data generate: mine.csv cannot be written: the file is there and read-only\n"
    assert out.read_text() == "mine"


def test_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(simulation, "_write_csv", full)
    with pytest.raises(simulation.DataError, match="cannot be written: No space left on device"):
        write_simulated(5, 1, tmp_path / "a.csv")
    assert names(tmp_path) == []


def test_interrupt_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "churn.dataset", "generate", "--rows", "100000000", "--out", tmp_path / "big.csv"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not names(tmp_path):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "churn.dataset generate: interrupted, nothing written\n"
    assert output == ""
    assert names(tmp_path) == []


# Not getrusage: its figure includes that of the process which started this one.
PEAK_MIB = "print(int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]) // 1024)"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["big.csv", "big.parquet"])
def test_two_million_rows_in_bounded_memory(tmp_path, name):
    """Peak memory of the command, and of reading what it wrote, against what importing alone takes."""
    code = "import sys; from churn.data.__main__ import main; main(sys.argv[1:]); " + PEAK_MIB
    options = ["generate", "--rows", "2000000", "--out", tmp_path / name]
    written = subprocess.run(
        [sys.executable, "-c", code, *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(written.stdout.split()[-1]) < 400
    code = (
        "import sys; from pathlib import Path; from churn.data.dataset import read_dataset; "
        "from churn.schema.reading import bundled_schema; "
        "print(read_dataset(Path(sys.argv[1]), bundled_schema()).rows); " + PEAK_MIB
    )
    read = subprocess.run(
        [sys.executable, "-c", code, tmp_path / name], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, peak = map(int, read.stdout.split())
    assert rows == 2_000_000
    assert peak < 600
