"""A training as it is seen at a terminal: it is never silent for long, and its words and numbers are whole."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from itertools import pairwise

import pytest
from conftest import ROOT
from tables import rare_churn

pytestmark = pytest.mark.slow

PHASES = (
    "loading scikit-learn and the ONNX converter",
    "fitting the model to all rows",
    "writing the model in its serving form",
    "checking that both forms of the model agree",
    "evaluating the predictions",
    "comparing with the model in service",
    "drawing up the report",
    "saving the model",
)


def at_a_terminal(home, *command):
    """Run a command at a terminal of 80 columns; returns what it wrote, as chunks with their times in seconds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = home.environment | {"TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append((time.monotonic() - started, chunk))
    except OSError:  # Linux's end of file of a terminal
        pass
    finally:
        os.close(ours)
        assert process.wait(timeout=60) in (0, 3)
    return chunks


@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
def test_no_silence_is_longer_than_two_seconds(home, tmp_path, estimator):
    data, schema = rare_churn(15_000).write(tmp_path)
    chunks = at_a_terminal(home, "train.py", "--data", str(data), "--schema", str(schema), "--model", estimator)
    moments = [0.0, *(moment for moment, _ in chunks)]
    gaps = [after - before for before, after in pairwise(moments)]
    assert moments[-1] > 4
    assert max(gaps) < 2, max(gaps)
    said = b"".join(chunk for _, chunk in chunks).decode()
    assert all(phase in said for phase in PHASES)


def test_what_stays_on_the_terminal_fits_and_has_its_tags_whole(home):
    tag = "bundled_customers_of_four_continents:release-2026-11-28-candidate-7"
    name, _, version = tag.partition(":")
    chunks = at_a_terminal(home, "-c", _TRAIN.format(name=name, version=version))
    said = b"".join(chunk for _, chunk in chunks).decode()
    stays = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said[said.index(f"{tag}, evaluated") :])
    lines = stays.split("\r\n")
    assert max(map(len, lines)) <= 80
    assert tag in stays.split()
    assert any(line.endswith("┓") for line in lines)


_TRAIN = """
import os, sys
os.environ["MODEL_NAME"] = {name!r}
from train import main
sys.exit(main(["--version", {version!r}]))
"""
