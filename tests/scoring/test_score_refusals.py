"""What `score.py` refuses: each with its message and exit code, no traceback, and nothing left of an output."""

import csv
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from conftest import ROOT, make_home
from score_runs import contents, customers, score_each, scoring_home

pytestmark = pytest.mark.slow

__all__ = ["scoring_home"]


_TENURE = "allowed: whole numbers from 0 to 200"


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A CSV file with three kinds of rows that cannot be scored."""
    folder = tmp_path_factory.mktemp("wrong")
    frame = customers(300).astype({"tenure_months": object})
    frame.loc[[3, 200], "tenure_months"] = "x"
    frame.loc[10, "num_complaints"] = -4
    lines = frame.to_csv(index=False).splitlines()
    lines[20] += ",more"
    (folder / "in.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame.head(3).to_csv(folder / "good.csv", index=False)
    frame.head(0).to_csv(folder / "empty.csv", index=False)
    frame[[*frame.columns[1:]]].to_csv(folder / "narrow.csv", index=False)
    frame.loc[[3, 200]].to_csv(folder / "hopeless.csv", index=False)
    (folder / "bare").touch()
    return folder


def test_rows_that_cannot_be_scored_are_named_and_nothing_is_written(scoring_home, wrong, tmp_path):
    (done,) = score_each(scoring_home, (wrong / "in.csv", "--out", tmp_path / "out.csv"))
    assert (done.code, done.out) == (2, "")
    first, *lines = done.err.splitlines()
    assert first == f"score.py: {wrong / 'in.csv'} cannot be scored:"
    assert lines == [
        f"  line 5, column tenure_months: 'x' is not a number; {_TENURE} (2 such lines: 5, 202)",
        "  line 12, column num_complaints: '-4' is out of range; allowed: whole numbers from 0 to 50",
        lines[2],
        "  stopped at the first rows that cannot be scored; `--on-error skip` sets them aside",
    ]
    assert lines[2].startswith("  line 21, 6 fields instead of 5: ")
    assert not list(tmp_path.iterdir())


def test_rows_are_set_aside_with_their_place_and_problem(scoring_home, wrong, tmp_path):
    (tmp_path / "out.rejects.csv").write_text("of an earlier run")
    skip = ("--on-error", "skip")
    runs = [
        (wrong / "in.csv", "--out", tmp_path / "out.csv", *skip),
        (wrong / "in.csv", "--out", tmp_path / "parts/", *skip, "--rejects", tmp_path / "aside.csv"),
        (wrong / "good.csv", "--out", tmp_path / "good.parquet", *skip),
    ]
    done = score_each(scoring_home, *runs)
    assert [each.code for each in done] == [0, 0, 0]
    assert "4 rows" in done[0].out
    with (tmp_path / "out.rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["problem"].split(":")[0]) for row in rows] == [
        ("5", "column tenure_months"), ("12", "column num_complaints"), ("21", "6 fields instead of 5"),
        ("202", "column tenure_months"),
    ]  # fmt: skip
    assert rows[0]["tenure_months"] == "x"
    assert len(pd.read_csv(tmp_path / "out.csv")) == 296
    assert (tmp_path / "aside.csv").read_bytes() == (tmp_path / "out.rejects.csv").read_bytes()
    assert sorted(contents(tmp_path / "parts")) == ["_SUCCESS", "_run.json", "part-00000.parquet"]
    assert len((tmp_path / "good.rejects.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_what_cannot_be_done_is_refused_with_the_cure(scoring_home, wrong, tmp_path):
    good, out = wrong / "good.csv", tmp_path / "out.parquet"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    (tmp_path / "own").mkdir()
    customers(3).to_csv(tmp_path / "own/a.csv", index=False)
    cases = [
        ((tmp_path / "none.csv", "--out", out), 2, "there is no such file"),
        ((good, "--out", tmp_path / "none/out.csv"), 2, "is in no folder that there is; make"),
        ((good, "--out", tmp_path / "out.xls"), 2, "the name of a file ends in .parquet, .csv, .arrow"),
        ((good, "--out", out, "--resume"), 2, "--resume goes on after whole parts: give --out a folder"),
        ((good, "--out", out, "--format", "csv"), 2, "is a .parquet file, and --format says csv"),
        ((good, "--out", good), 2, "is a file that is read too"),
        ((tmp_path / "own", "--out", tmp_path / "own"), 2, "is a folder that is read too"),
        ((good, "--out", tmp_path / "full"), 2, "has files, such as notes.txt; choose another folder, or delete it"),
        ((good, "--out", tmp_path / "full", "--resume"), 2, "it is of no run; choose another folder"),
        ((good, "--out", out, "--rejects", tmp_path / "r.csv"), 2, "--rejects goes with --on-error skip only"),
        ((good, "--out", out, "--address", "x"), 2, "--address goes with --engine ray only"),
        (("s3://bucket/in", "--out", out), 2, "is a URL, which this engine does not read; add --engine ray"),
        (
            (good, "--out", out, "--keep", "nothing"),
            2,
            "column 'nothing' cannot be carried along: it is not there; found: '",
        ),
        ((good, "--out", out, "--model", "none:v1"), 4, "there is no model 'none:v1'"),
        ((wrong / "empty.csv", "--out", out), 2, "there are columns, but no row of data"),
        ((wrong / "empty.csv", "--out", tmp_path / "e/"), 2, "there are columns, but no row of data"),
        ((wrong / "narrow.csv", "--out", out), 2, "column 'tenure_months' is missing"),
        ((wrong / "hopeless.csv", "--out", out, "--on-error", "skip"), 2, "none of the 2 rows can be scored"),
        ((good, "--out", "/proc/out.csv"), 2, "--out /proc/out.csv cannot be written: "),
        ((good, "--out", "/dev/full"), 2, "--out /dev/full is no file on a disk"),
        ((good, "--out", "-"), 2, "--out - is no file on a disk, and scores are written to one; give it a name"),
        ((good, "--out", wrong / "bare"), 2, "bare: the name of a file ends in .parquet, .csv, .arrow"),
        ((good, "--out", ""), 2, "--out is empty; is a variable of the shell not set?"),
        (("", "--out", out), 2, "IN is empty"),
        ((good, "--out", out, "--model", ""), 2, "--model is empty"),
        ((tmp_path / "own", "--out", tmp_path / "own/out.csv"), 2, "the next run would read it too; choose another"),
        ((tmp_path / "own", "--out", tmp_path / "own/parts/"), 2, "the next run would read it too; choose another"),
        ((f"{tmp_path}/own/*.csv", "--out", tmp_path / "own/out.csv"), 2, "the next run would read it too"),
        ((f"{tmp_path}/own/[x].csv", "--out", out), 2, "in a pattern [x] is one letter, x: write [[] for a bracket"),
        ((tmp_path / "full", "--out", out), 2, "full cannot be read: it is a folder without a file of CSV, Parquet,"),
        (
            (good, "--out", tmp_path / "o.csv", "--on-error", "skip", "--rejects", tmp_path / "o.csv"),
            2,
            "o.csv; choose two names",
        ),
        ((good,), 2, "Missing option '--out'"),
    ]
    for (arguments, code, message), done in zip(
        cases, score_each(scoring_home, *(arguments for arguments, _, _ in cases)), strict=True
    ):
        assert (done.code, message in done.err) == (code, True), (arguments, done)
        assert "Traceback" not in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "full", "own"]


def test_scores_of_customers_without_a_name_are_told_how_to_get_one(scoring_home, wrong, tmp_path):
    run = (wrong / "good.csv", "--out", tmp_path / "out.csv")
    without, kept = score_each(scoring_home, run, (*run, "--keep", "region"))
    assert "no column of the output names the customers" in without.err
    assert (kept.code, kept.err) == (0, "")


def test_without_a_model_the_exit_code_is_4(wrong, tmp_path):
    home = make_home(tmp_path)
    (done,) = score_each(home, (wrong / "good.csv", "--out", tmp_path / "out.csv"))
    assert done.code == 4
    assert "run `churn train`" in done.err


def test_an_input_that_changes_while_it_is_read_gives_no_output(scoring_home, wrong, tmp_path):
    source = tmp_path / "in.csv"
    customers(100).to_csv(source, index=False)
    before = f"""
from churn.scoring.table import TableScorer
whole = TableScorer.score
def score(self, batch):
    with open({str(source)!r}, "a") as file:
        file.write("1,1,30.0,basic,EU\\n")
    return whole(self, batch)
TableScorer.score = score
"""
    runs = [(source, "--out", tmp_path / "out.csv"), (source, "--out", tmp_path / "parts/")]
    for done in score_each(scoring_home, *runs, before=before):
        assert (done.code, "has changed while it was read" in done.err) == (2, True), done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "parts"]
    assert sorted(contents(tmp_path / "parts")) == ["_run.json"]


def test_a_file_that_is_gone_by_the_time_it_is_read_is_named(scoring_home, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    for number in range(8):  # more than are read ahead
        customers(100).to_parquet(base / f"{number}.parquet")
    before = f"""
from pathlib import Path
from churn.scoring.table import TableScorer
whole = TableScorer.score
def score(self, batch):
    Path({str(base / "7.parquet")!r}).unlink(missing_ok=True)
    return whole(self, batch)
TableScorer.score = score
"""
    (done,) = score_each(scoring_home, (base, "--out", tmp_path / "out.csv"), before=before)
    assert (done.code, done.err) == (2, f"score.py: {base}/7.parquet cannot be read: No such file or directory\n")


@pytest.mark.parametrize("out", ["out.parquet", "out.csv", "out.arrow", "parts/"])
def test_a_full_disk_is_a_message_and_leaves_no_output(scoring_home, tmp_path, out):
    """A file-size limit cuts a write as a full disk does: some bytes are taken, then none."""
    frame = customers(60_000)
    frame["customer"] = [f"{number:x}" for number in range(len(frame))]
    frame.to_parquet(tmp_path / "in.parquet")
    before = (
        "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    )
    run = (tmp_path / "in.parquet", "--out", f"{tmp_path}/{out}", "--keep", "customer")
    (done,) = score_each(scoring_home, run, before=before)
    assert (done.code, done.out) == (2, "")
    assert "cannot be written: File too large; make room, or choose another place" in done.err
    assert len(done.err.splitlines()) == 1, done.err
    left = {path.name for path in tmp_path.rglob("*")}
    assert left <= {"in.parquet", "parts", "_run.json"}


def test_ctrl_c_leaves_nothing_half(scoring_home, tmp_path):
    customers(3_000_000).to_parquet(tmp_path / "in.parquet")
    process = subprocess.Popen(
        [sys.executable, "score.py", tmp_path / "in.parquet", "--out", tmp_path / "out.csv"],
        cwd=ROOT,
        env=scoring_home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(list(tmp_path.iterdir())) == 1 and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.startswith("score.py: interrupted;")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
