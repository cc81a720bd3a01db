"""examples/: its commands as its README prints them, against a trained home and a running service."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from conftest import BIN, ROOT, SAFE, Home, make_home, start_server

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "examples"
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
TELCO = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
SERVICE = "http://localhost:3000"


@pytest.fixture(scope="module")
def runs(trained_home, tmp_path_factory):
    """The README's commands, in its order, in a folder that has what they name."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(EXAMPLES, folder / "examples")
    (folder / "data").symlink_to(ROOT / "data")
    home = Home(folder, trained_home.bentoml_home)
    for name in ("models", "registry"):
        shutil.copytree(trained_home.path / name, folder / name)
    environment = home.environment | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | _kernel(folder / "jupyter")
    del environment["CHURN_HOME"]  # the project's folder by default, and the notebook's own rule
    server = start_server(home)
    try:
        yield folder, {text: _run(command, server.url, folder, environment) for text, command in _printed()}
    finally:
        server.stop()


def _printed():
    """The README's lines for a shell and its Python, each with what runs it."""
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL):
        if language == "sh":
            yield from ((line, ["bash", "-c", line]) for line in block.splitlines())
        else:
            yield "python", [sys.executable, "-c", block]


def _run(command, url, folder, environment):
    return subprocess.run(
        [part.replace(SERVICE, url) for part in command],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder / "examples")},
        capture_output=True,
        text=True,
        check=False,
    )


def _kernel(folder):
    """Variables that let Jupyter know one kernel, of this interpreter, whatever kernels the machine has."""
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": command, "display_name": "of the test", "language": "python"}))
    return {"JUPYTER_PATH": str(folder), "JUPYTER_DATA_DIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}


def test_every_command_succeeds(runs):
    _, done = runs
    assert len(done) == 5
    for command, run in done.items():
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"


def test_the_client_predicts_the_example(runs):
    _, done = runs
    single, _, batch = done[f"python examples/client.py {SERVICE}"].stdout.partition("\n}\n")
    answer = json.loads(f"{single}}}")
    assert answer["features"] == SAFE
    assert answer["reasons"]["summary"]
    assert batch.count(f"'probability': {answer['probability']}") == 3


def test_the_client_says_what_is_wrong_with_a_record(runs):
    _, done = runs
    shown = done["python"].stdout
    assert shown.startswith("[{'loc': ['tenure_months'], 'msg': 'Input should be less than or equal to 200'")


def test_the_campaign_list_of_a_table_without_identifier(runs):
    folder, _ = runs
    with (folder / "campaign.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert list(listed[0]) == ["row", "plan_type", "region", "probability", "expected_profit", "why"]
    scores = pd.read_parquet(folder / "scores.parquet")
    best = scores["probability"].nlargest(100)
    assert len(listed) == 100
    assert {int(line["row"]) for line in listed} == {row + 1 for row in best.index}
    for line in listed:
        of_row = scores.loc[int(line["row"]) - 1]
        assert float(line["expected_profit"]) == pytest.approx(of_row["probability"] * 150 - 20, abs=0.006)
        assert line["why"] == "; ".join(of_row["summary"])
    profits = [float(line["expected_profit"]) for line in listed]
    assert profits == sorted(profits, reverse=True)


def test_the_notebook_has_an_output_for_each_cell_that_shows_something(runs):
    folder, _ = runs
    cells = nbformat.read(folder / "examples" / "explored.ipynb", 4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    shown = [cell for cell in code if not re.match(r"[^(]* = ", cell.source.splitlines()[-1])]
    assert len(shown) >= 8
    for cell in shown:
        assert cell.outputs, cell.source
        assert all(output.get("name") != "stderr" for output in cell.outputs), cell.outputs
    texts = ["".join(str(output.get("data") or output.get("text")) for output in cell.outputs) for cell in shown]
    for word in ("roc_auc", "tenure_months", "srcdoc", "<td", "request_id", "answers", "difference"):
        assert any(word in text for text in texts), word


def test_the_committed_notebook_has_no_outputs():
    notebook = json.loads((EXAMPLES / "explore.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert all(len(cell["source"]) <= 20 for cell in code)


def test_every_example_is_in_the_readme_and_in_no_bento():
    for file in EXAMPLES.iterdir():
        assert file.name == "README.md" or f"]({file.name})" in README, file
    assert "/examples/" in (ROOT / ".bentoignore").read_text(encoding="utf-8").splitlines()


def test_the_campaign_list_of_the_telco_table(tmp_path):
    if not TELCO.exists():
        pytest.skip(f"{TELCO} is not there")
    home = make_home(tmp_path)
    schema, scores, out = (tmp_path / name for name in ("schema.toml", "scores.parquet", "campaign.csv"))
    churn = str(BIN / "churn")
    for command in (
        [churn, "schema", "infer", str(TELCO), "--target", "Churn"],
        [churn, "train", "--data", str(TELCO), "--schema", str(schema)],
        [churn, "score", str(TELCO), "--out", str(scores), "--rank", "--explain", "--keep", "MonthlyCharges"],
    ):
        done = subprocess.run(command, cwd=ROOT, env=home.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        if not schema.exists():
            schema.write_text(done.stdout, encoding="utf-8")
    flagged = campaign_list(scores, out)
    assert list(flagged.columns) == ["customerID", "MonthlyCharges", "probability", "expected_profit", "why"]
    assert len(flagged) == pd.read_parquet(scores)["prediction"].sum()

    listed = campaign_list(scores, out, "--best", "50", "--customer-value", "12", "--value-column", "MonthlyCharges")
    expected = listed["probability"] * 0.3 * 12 * listed["MonthlyCharges"] - 20
    assert len(listed) == 50
    assert listed["expected_profit"].sub(expected).abs().max() < 0.05, "probabilities are rounded"
    assert set(listed["customerID"]) != set(flagged["customerID"][:50]), "the value of a customer counts too"


def campaign_list(scores, out, *options):
    command = [sys.executable, str(EXAMPLES / "campaign_list.py"), str(scores), "--out", str(out), *options]
    subprocess.run(command, check=True, capture_output=True)
    return pd.read_csv(out)


def test_what_the_campaign_list_cannot_use_is_named(tmp_path):
    table = tmp_path / "table.parquet"
    pd.DataFrame({"customerID": ["a"]}).to_parquet(table)
    (tmp_path / "text.parquet").write_text("no table", encoding="utf-8")
    for scores, said in (
        ("table.parquet", "has no column 'probability'"),
        ("text.parquet", "cannot be read as Parquet"),
        ("missing.parquet", "cannot be read as Parquet"),
    ):
        command = [sys.executable, str(EXAMPLES / "campaign_list.py"), scores, "--out", "out.csv"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"campaign_list.py: {scores} {said}")
        assert "Traceback" not in done.stderr
