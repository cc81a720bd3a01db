"""`kill -9` of `score.py`, and `--resume`: nothing half under a final name, and in the end the same bytes."""

import json
import random
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from score_runs import contents, customers, score_each, scoring_home

__all__ = ["scoring_home"]

SMALL_PARTS = "from churn.scoring.files import folder\nfolder.PART_ROWS = 2_000\n"
"""Parts of few rows; pieces are as small as the row groups are."""
PIECES = """
from churn.scoring.files import parquet_source
parquet_source.PIECE_ROWS = 1_000
"""
KILLS = 30


@pytest.mark.parametrize(
    "options",
    [
        (),
        pytest.param(("--rank", "--format", "csv"), marks=pytest.mark.slow),
        pytest.param(("--on-error", "skip", "--format", "arrow"), marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_gone_on_with_ends_with_the_same_bytes(scoring_home, tmp_path, options):
    frame = customers(9_500)
    if "skip" in options:
        frame.loc[[5, 4_200, 9_400], "tenure_months"] = -1
    frame.to_parquet(tmp_path / "in.parquet")
    before = SMALL_PARTS + PIECES
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    runs = [(tmp_path / "in.parquet", "--out", f"{out}/", *options) for out in (whole, cut)]
    assert [done.code for done in score_each(scoring_home, *runs, before=before)] == [0, 0]
    expected = contents(whole)
    assert sum(name.startswith("part-") for name in expected) == 5
    assert contents(cut) == expected
    for name in ("_SUCCESS", "part-00003", "part-00004"):
        next(path for path in cut.iterdir() if path.name.startswith(name)).unlink()
    _restore_part_rejects(cut, options)
    (cut / ".part-00003-999999999.tmp.parquet").write_bytes(b"half")
    (done,) = score_each(scoring_home, (*runs[1], "--resume"), before=before)
    assert done.code == 0, done.err
    assert "going on after 3 whole parts, 6,000 rows" in done.err
    assert contents(cut) == expected


def _restore_part_rejects(folder, options) -> None:
    """The files that a run which did not end has instead of `_rejects.csv`."""
    if "skip" not in options:
        return
    header, *rows = (folder / "_rejects.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "_rejects.csv").unlink()
    for number, of_part in enumerate([rows[:1], [], rows[1:2]]):
        (folder / f"_rejects-{number:05d}.csv").write_text(header + "".join(of_part), encoding="utf-8")


@pytest.mark.slow
def test_rows_keep_their_numbers_in_the_journal_of_a_run_that_is_gone_on_with(scoring_home, tmp_path):
    customers(9_500).to_parquet(tmp_path / "in.parquet")
    run = (tmp_path / "in.parquet", "--out", f"{tmp_path}/out/", "--journal")
    before = SMALL_PARTS + PIECES
    (done,) = score_each(scoring_home, run, before=before)
    assert done.code == 0, done.err
    for name in ("_SUCCESS", "part-00003.parquet", "part-00004.parquet"):
        (tmp_path / "out" / name).unlink()
    already = len(scoring_home.journal_lines())
    (done,) = score_each(scoring_home, (*run, "--resume"), before=before)
    assert done.code == 0, done.err
    names = [json.loads(line)["request_id"] for line in scoring_home.journal_lines()[already:]]
    assert [int(name.partition("-")[2]) for name in names] == list(range(6_001, 9_501))


@pytest.mark.parametrize("rows", [1_700, 7_000])
@pytest.mark.slow
def test_a_file_that_comes_in_other_pieces_is_not_gone_on_with(scoring_home, tmp_path, rows):
    customers(9_500).to_parquet(tmp_path / "in.parquet")
    run = (tmp_path / "in.parquet", "--out", f"{tmp_path}/out/")
    (done,) = score_each(scoring_home, run, before=SMALL_PARTS + PIECES)
    assert done.code == 0, done.err
    (tmp_path / "out/_SUCCESS").unlink()
    (tmp_path / "out/part-00004.parquet").unlink()
    (done,) = score_each(scoring_home, (*run, "--resume"), before=SMALL_PARTS + PIECES.replace("1_000", str(rows)))
    assert (done.code, "in other pieces" in done.err) == (2, True), done.err
    assert not (tmp_path / "out/_SUCCESS").exists()


def test_another_run_is_not_gone_on_with(scoring_home, tmp_path):
    customers(50).to_parquet(tmp_path / "in.parquet")
    customers(50, seed=2).to_parquet(tmp_path / "other.parquet")
    runs = [
        (tmp_path / "in.parquet", "--out", f"{tmp_path}/out/"),
        (tmp_path / "in.parquet", "--out", f"{tmp_path}/out/"),
        (tmp_path / "in.parquet", "--out", f"{tmp_path}/out/", "--resume"),
        (tmp_path / "other.parquet", "--out", f"{tmp_path}/out/", "--resume", "--rank"),
    ]
    first, again, resumed, other = score_each(scoring_home, *runs)
    assert [each.code for each in (first, again, resumed, other)] == [0, 2, 0, 2]
    assert "holds the scores of a run that ended" in again.err
    assert "is whole already; nothing was done" in resumed.err
    assert "is of another run" in other.err
    assert "rank was false and is true" in other.err
    assert "input_sha256 was " in other.err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_can_be_killed_at_any_moment(scoring_home, tmp_path):
    """Half of the kills anywhere, half while parts are written."""
    generator = random.Random(15)  # noqa: S311 - chooses moments, no secrets
    source = tmp_path / "in.parquet"
    customers(1_000_000).to_parquet(source)
    program = "import sys\nfrom churn.scoring.files import folder\nfolder.PART_ROWS = 65_536\nfrom score import main\n"
    command = [sys.executable, "-c", f"{program}sys.exit(main(sys.argv[1:]))", source, "--on-error", "skip", "--out"]

    def run(*arguments, kill_after=None):
        process = subprocess.Popen([*command, *arguments], cwd=ROOT, env=scoring_home.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
        if kill_after is not None:
            kill_after(process)
            process.kill()
        _, err = process.communicate()
        return process.returncode, err

    assert run(f"{tmp_path}/whole/")[0] == 0
    assert run(f"{tmp_path}/whole.csv")[0] == 0
    expected, file = contents(tmp_path / "whole"), tmp_path / "cut.csv"
    cut, killed, ended = tmp_path / "cut", 0, 0
    for number in range(KILLS):
        at_work = cut if number % 3 else tmp_path

        def at_some_moment(process, at_work=at_work, number=number):
            if number % 2:
                time.sleep(generator.uniform(0, 1.5))
            else:
                while process.poll() is None and not any(".tmp" in path.name for path in _listed(at_work)):
                    time.sleep(0.001)
                time.sleep(generator.uniform(0, 0.3))

        if number % 3:
            code, err = run(f"{cut}/", "--resume", kill_after=at_some_moment)
            found = {name: data for name, data in contents(cut).items() if name[0] != "."} if cut.exists() else {}
            finished = "_SUCCESS" in found
            parts = {name: data for name, data in found.items() if name.startswith("part-")}
            assert all(expected[name] == data for name, data in parts.items())
            assert not finished or len(parts) == sum(name.startswith("part-") for name in expected)
            if finished:
                ended += 1
                for path in cut.iterdir():
                    path.unlink()
                cut.rmdir()
        else:
            code, err = run(file, kill_after=at_some_moment)
            assert not file.exists() or file.read_bytes() == (tmp_path / "whole.csv").read_bytes()
            file.unlink(missing_ok=True)
        assert code in (0, -9), err
        killed += code == -9
    assert killed > KILLS // 2
    assert run(f"{cut}/", "--resume")[0] == 0
    assert contents(cut) == expected
    assert run(file)[0] == 0
    assert file.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not [path for path in tmp_path.rglob("*") if ".tmp" in path.name]
    assert pq.read_table(cut).num_rows == 1_000_000


def _listed(folder):
    return list(folder.iterdir()) if folder.exists() else []
