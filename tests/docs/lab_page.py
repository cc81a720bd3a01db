"""The page of the lab, docs/lab.md, as blocks of code, each with the output that it claims."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
FRENCH = (ROOT / "docs" / "lab.fr.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """What is typed, in both shells, and what that prints.

    Attributes:
        step: number of the lab's step; the last one's for what comes after it.
        bash: the lines.
        powershell: the same in PowerShell, or empty where they are the same.
        output: `...` is any text; empty where nothing is claimed.

    """

    step: int
    bash: list[str]
    powershell: str = ""
    output: str = ""

    def claims(self, said: str) -> bool:
        """Whether this is the output."""
        pattern = re.escape(self.output.strip()).replace(re.escape("..."), ".*")
        return re.fullmatch(pattern, said.strip(), re.DOTALL) is not None


def examples(page: str) -> list[Example]:
    """All of a page. A block of PowerShell or of output belongs to the block of bash right before it."""
    found: list[Example] = []
    end = 0
    for block in BLOCK.finditer(page):
        language, text = block.groups()
        if language == "sh":
            step = len(re.findall(r"^## \d+\.", page[: block.start()], re.MULTILINE))
            found.append(Example(step, text.splitlines()))
        else:
            assert block.start() == end + 1, f"on its own: {text}"
            setattr(found[-1], {"powershell": "powershell", "text": "output"}[language], text)
        end = block.end()
    return found


EXAMPLES = examples(ENGLISH)
