"""The command `churn` in the images, whose environment has all that the project needs, but not the project itself."""

from pathlib import Path

_SCRIPT = """\
#!{python}
from churn.commands import main

main()
"""


def add_command(venv: Path, packages: Path, source: Path) -> None:
    """Put `churn` beside `python`, and have Python find its modules from whatever folder it is called.

    Args:
        venv: the environment.
        packages: its site-packages folder.
        source: the folder of the project's source, at the same place in the images.

    """
    (packages / "churn-api.pth").write_text(f"{source}\n", encoding="utf-8")
    script = venv / "bin" / "churn"
    script.write_text(_SCRIPT.format(python=venv / "bin" / "python"), encoding="utf-8")
    script.chmod(0o755)
