"""Messages of a command: whole words at a terminal, whole lines anywhere else."""

import io
import sys

import pytest

from churn.cli import BAD_INPUT, run_command, tell

TAG = "customers_of_the_northern_region:release-2026-11-28-candidate-7-of-the-second-week-after-all"
MESSAGE = (
    f"1,234,567 of 2,345,678 rows of a file of customers are left out of the evaluation of {TAG} today\n  column 'a'"
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_message_breaks_no_word_at_a_terminal_and_no_line_elsewhere(monkeypatch, stream):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", stream())
    tell("train.py", MESSAGE)
    said = sys.stderr.getvalue()
    assert said.split() == f"train.py: {MESSAGE}".split()
    if stream is Terminal:
        assert all(len(line) <= 80 or line == TAG for line in said.splitlines())
        assert said.splitlines()[-1] == "  column 'a'"
    else:
        assert said == f"train.py: {MESSAGE}\n"


def test_a_command_that_the_serving_image_cannot_run_says_so(capsys):
    def command():
        import sklearn.no_such_part  # noqa: F401, PLC0415 - as one of a library that is not there

    assert run_command("drift.py", command) == BAD_INPUT
    said = capsys.readouterr().err
    assert said.startswith("drift.py: No module named 'sklearn.no_such_part'")
    assert "in an image that only serves, run a Job of the full image" in said
