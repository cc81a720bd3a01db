"""`python -m churn.schema check` and `diff`: what they print, and their exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from churn.schema.__main__ import main
from churn.schema.reading import BUNDLED

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data" / "churn.csv"


@pytest.fixture
def schema(tmp_path):
    """Write the bundled schema with changes; returns the file."""

    def write(*changes, name="schema.toml"):
        text = BUNDLED.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_check_says_what_there_is(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    assert main(["check", str(DATA)]) == 0
    out = capsys.readouterr().out
    assert f"{DATA} keeps to {BUNDLED}" in out
    assert "1,200 rows, of 5" in out


def test_check_takes_the_schema_of_the_home_and_names_the_line(capsys, monkeypatch, schema, tmp_path):
    path = schema(("maximum = 200", "maximum = 1_000_000_000_000_000_000"))
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    assert main(["check", str(DATA)]) == 2
    assert f"churn.schema check: {path} is not a schema:\n  line 10, feature tenure_months" in capsys.readouterr().err


def test_check_names_what_is_wrong_with_the_file(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    bad = tmp_path / "bad.csv"
    bad.write_text(DATA.read_text(encoding="utf-8").replace("premium,EU", "premium,EU,more", 1), encoding="utf-8")
    assert main(["check", str(bad), "--schema", str(BUNDLED)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "7 fields instead of 6" in err


def test_check_says_how_an_unusual_file_was_read_and_what_is_missing(capsys, tmp_path):
    (tmp_path / "table.csv").write_text("age;fee;churn\n1;2,5;1\n2; ;0\n3;2,75;1\n", encoding="utf-8")
    head = 'version = 1\nname = "t"\n[target]\ncolumn = "churn"\n[file]\nmissing = [" "]\n'
    age = '[[feature]]\nname = "age"\nkind = "integer"\n'
    fee = '[[feature]]\nname = "fee"\nkind = "number"\nmissing = "impute"\n'
    (tmp_path / "schema.toml").write_text(head + age + fee, encoding="utf-8")
    assert main(["check", str(tmp_path / "table.csv"), "--schema", str(tmp_path / "schema.toml")]) == 0
    out, err = capsys.readouterr()
    assert "3 rows, of 66.7% the customer left\nfee: 1 missing (33.3%)\n" in out
    assert "fields separated by ';', decimal comma" in err


def test_diff_is_3_where_clients_break_and_0_where_they_do_not(capsys, schema):
    same, wider = schema(name="same.toml"), schema(("maximum = 200", "maximum = 300"), name="wider.toml")
    assert main(["diff", str(BUNDLED), str(same)]) == 0
    assert capsys.readouterr().out == "clients would notice nothing\n"
    assert main(["diff", str(BUNDLED), str(wider)]) == 0
    assert capsys.readouterr().out == "`tenure_months` accepts 0 to 300 instead of 0 to 200\n"
    assert main(["diff", str(wider), str(BUNDLED)]) == 3
    assert capsys.readouterr().out == "breaks clients: `tenure_months` accepts 0 to 200 instead of 0 to 300\n"
    assert main(["diff", str(wider), "none.toml"]) == 2
    assert "none.toml cannot be read" in capsys.readouterr().err


def test_the_command_infers_a_large_file_by_a_sample_and_in_utf_8(tmp_path):
    """The process: 210,000 rows are more than the sample; standard output is UTF-8 whatever the locale says."""
    big = tmp_path / "big.csv"
    rows = "".join(f"{n % 60},{n % 2},x\n" for n in range(210_000))
    big.write_text(f"größe,churn,gruß\n{rows}1,1,y\n", encoding="utf-8")
    command = [sys.executable, "-m", "churn.schema", "infer", str(big)]
    environment = {"PATH": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 'name = "größe"' in done.stdout.decode()
    assert b"210,001 rows, 3 columns" in done.stderr
    assert b"(105,001 rows, 50.0%)" in done.stderr
    assert (
        b"gru" in done.stdout
    )  # one row of 210,001 says `y`: it is not constant, whether the sample has that row or not
    # One row in 210,001 says `y`: that is not constant, whether the sample has this row or not.
    assert done.stdout.count(b"[[feature]]") == 2
    assert not list(tmp_path.glob(".tmp*"))


def test_help_names_the_exit_codes(capsys):
    assert main(["--help"]) == 0
    assert "3 For diff: requests that the old schema accepts may be" in " ".join(capsys.readouterr().out.split())
