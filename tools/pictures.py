"""Screenshots of the README: model report, drift page and terminal, made anew from real runs.

Needs Chromium and the telco table that the README names:

    python -m tools.pictures Telco-Customer-Churn.csv
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent.parent / "docs" / "images"
TABLE = "Telco-Customer-Churn.csv"
TRAIN = f"churn train --data {TABLE} --schema customers.toml"
COLUMNS = 80
WIDTH = 1280
"""Of a page's picture, in pixels."""
CUSTOMERS = 2000
"""Of the drifting traffic."""


def run(command: str, folder: Path) -> str:
    """Run a command of the project in a home of its own: its standard output."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CHURN_HOME": str(folder),
        "BENTOML_HOME": str(folder / "bentoml"),
        "COLUMNS": str(COLUMNS),
    }
    name, *arguments = command.split()
    program = shutil.which(name, path=environment["PATH"])
    if program is None:
        sys.exit(f"{name} is not installed")
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 3):  # 3: drift was found
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def write_drifting(source: Path, target: Path) -> None:
    """Customers after a price rise of a quarter, and after the end of yearly contracts."""
    with source.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[:CUSTOMERS]
    for row in rows:
        row["MonthlyCharges"] = f"{float(row['MonthlyCharges']) * 1.25:.2f}"
        row["Contract"] = row["Contract"].replace("One year", "Month-to-month")
    with target.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def photograph(page: Path, picture: str, height: int, folder: Path) -> None:
    """Write the top of a page as a PNG."""
    options = f"--headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir={folder / 'profile'}"
    window = f"--window-size={WIDTH},{height} --screenshot={IMAGES / picture}"
    run(f"chromium {options} {window} {page.as_uri()}", folder)


def draw_terminal(trained: str, listed: str) -> None:
    """Write the gate's part of a training, and the list of models, as a terminal shows them."""
    shown = f"$ {TRAIN}\n...\n{trained[trained.index('The gate asks:') :]}\n$ churn registry list\n{listed.rstrip()}"
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text(shown))
    drawn = console.export_svg(title="churn", unique_id="terminal")
    # Fonts of the reader's own: an image loads nothing from elsewhere.
    drawn = re.sub(r"\s*@font-face {.*?}", "", drawn, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    (IMAGES / "terminal.svg").write_text(drawn, encoding="utf-8")


def main(table: Path) -> None:
    """Train, score what drifts, look for drift, and keep pictures of what there is to see."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(table, folder / TABLE)
        (folder / "customers.toml").write_text(run(f"churn schema infer {TABLE}", folder), encoding="utf-8")
        trained = run(TRAIN, folder)
        write_drifting(folder / TABLE, folder / "later.csv")
        run("churn score later.csv --out scores.csv --journal", folder)
        run(f"churn drift --last-n {CUSTOMERS}", folder)
        photograph(folder / "registry" / "reports" / "churn_model_v1-v1.html", "model-report.png", 806, folder)
        photograph(folder / "registry" / "drift_report.html", "drift-page.png", 985, folder)
        draw_terminal(trained, run("churn registry list", folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
