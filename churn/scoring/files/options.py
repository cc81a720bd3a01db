"""Options of scoring files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from churn.errors import SettingsError

type Form = Literal["parquet", "csv", "arrow"]
FORMS: tuple[Form, ...] = get_args(Form.__value__)


@dataclass(frozen=True)
class Options:
    """Options of scoring files: those of `churn score`.

    Attributes:
        given: file, folder or pattern of customers; with an engine of a cluster also a URL.
        out: file or folder to write, as the user wrote it.
        form: of the parts of a folder; None takes Parquet.
        model: BentoML tag; None takes the current model.
        keep: columns to carry along.
        explain: whether each row has its reasons.
        rank: whether each row has its rank and tenth.
        on_error: whether rows that cannot be scored are refused, or set aside.
        rejects: file for those set aside; None takes one beside the output.
        resume: whether to go on after the parts that are whole.
        journal: whether each row is recorded in the prediction journal.
        engine: what runs it.
        address: of the engine's cluster; None: this machine.

    """

    given: str
    out: str
    form: Form | None = None
    model: str | None = None
    keep: tuple[str, ...] = ()
    explain: bool = False
    rank: bool = False
    on_error: Literal["refuse", "skip"] = "refuse"
    rejects: Path | None = None
    resume: bool = False
    journal: bool = False
    engine: Literal["local", "ray"] = "local"
    address: str | None = None

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            SettingsError: names them.
        """
        for name, value in (("IN", self.given), ("--out", self.out), ("--model", self.model)):
            if value == "":
                raise SettingsError(f"{name} is empty; is a variable of the shell not set?")
        if self.address and self.engine == "local":
            raise SettingsError("--address goes with --engine ray only")
        if self.rejects and self.on_error == "refuse":
            raise SettingsError("--rejects goes with --on-error skip only; this is --on-error refuse")
        if self.engine == "local":
            for name, value in (("IN", self.given), ("--out", self.out)):
                if "://" in value:
                    raise SettingsError(f"{name} {value} is a URL, which this engine does not read; add --engine ray")
