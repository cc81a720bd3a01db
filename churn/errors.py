"""Error tree: every error that this project raises on purpose.

ChurnError                      what is wrong, where, and what to do; its text is shown to the user as it stands
├── SettingsError               an environment variable or option holds what it may not
├── SchemaError                 a schema file cannot be used
├── DataError                   a training file, or a file or table to score, cannot be used
├── NoModel                     there is no model to score with
├── RecordError                 a customer record is invalid; `problems` lists field, message, type
├── TrainingError               a model could not be fitted, or its two forms disagree
├── RegistryError               the registry folder, the pointer, an archive or the metadata
│   ├── RegistryFolderMissing
│   ├── PointerMissing
│   ├── PointerEmpty
│   ├── PointerInvalid
│   ├── ModelNotFound
│   ├── ArchiveInvalid          missing, truncated, unsafe, or not what its digest says
│   ├── SignatureInvalid        a model is not signed by the key that is asked for
│   ├── SigningImpossible       a model is to be signed with a key that cannot sign
│   ├── RegistryBusy            another process holds the lock
│   └── SchemaChangeRefused     a model would refuse requests that the current one accepts
├── ModelInvalid                a stored model cannot be loaded, or does not give its golden predictions
├── ModelUnavailable            no model is loaded (yet)
├── JournalError                the prediction log cannot be read
└── DriftError                  drift cannot be computed from what is there
    └── NothingToJudge          there is no log, or too little in it
"""

from typing import ClassVar, TypedDict


class Problem(TypedDict):
    """One thing wrong with a record: where (`loc`), what (`msg`) and the machine-readable kind (`type`)."""

    loc: list[str | int]
    msg: str
    type: str


class ChurnError(Exception):
    """The base of every error that a user or operator can do something about.

    Attributes:
        code: the public name of the kind of error, which answers carry as `type`: it stays when the class is renamed.

    """

    code: ClassVar[str] = "error"


class SettingsError(ChurnError):
    """An environment variable or a command-line option holds a value that is not allowed."""


class SchemaError(ChurnError):
    """A schema file cannot be read, or says what it may not."""


class DataError(ChurnError):
    """A training file, or a file or table to score, cannot be used."""


class NoModel(ChurnError):
    """There is no model to score with, or it cannot be used."""


class RecordError(ChurnError):
    """A customer record is not valid."""

    def __init__(self, message: str, problems: list[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class TrainingError(ChurnError):
    """A model could not be fitted or exported."""


class RegistryError(ChurnError):
    """The registry is not in a usable state."""

    code = "registry_error"


class RegistryFolderMissing(RegistryError):
    """There is no registry folder: nothing was trained here, or the volume is not mounted."""

    code = "registry_folder_missing"


class PointerMissing(RegistryError):
    """There is a registry folder, but no model has been promoted."""

    code = "pointer_missing"


class PointerEmpty(RegistryError):
    """The pointer file has no content."""

    code = "pointer_empty"


class PointerInvalid(RegistryError):
    """The pointer's content is not a BentoML tag `name:version`."""

    code = "pointer_invalid"


class ModelNotFound(RegistryError):
    """The registry has no record of the model that was asked for."""

    code = "model_not_found"


class ArchiveInvalid(RegistryError):
    """A model archive is missing, truncated, unsafe, or differs from its recorded digest."""

    code = "archive_invalid"


class SignatureInvalid(RegistryError):
    """A model is not signed, by another key, or is not what was signed."""

    code = "signature_invalid"


class SigningImpossible(RegistryError):
    """A model is to be signed, and the key can only check."""

    code = "signing_impossible"


class RegistryBusy(RegistryError):
    """Another process is changing the registry."""

    code = "registry_busy"


class SchemaChangeRefused(RegistryError):
    """A model is not promoted, since it would refuse requests that the current one accepts."""

    code = "schema_change_refused"


class ModelInvalid(ChurnError):
    """A stored model cannot be loaded or does not give its golden predictions."""

    code = "model_invalid"


class ModelUnavailable(ChurnError):
    """No model is loaded."""

    code = "model_unavailable"


class JournalError(ChurnError):
    """The prediction log cannot be read."""


class DriftError(ChurnError):
    """Drift cannot be computed from what is there."""


class NothingToJudge(DriftError):
    """There is no prediction log, or too few usable records in it."""
