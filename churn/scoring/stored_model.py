"""Model of the registry that travels: its tag and its files, which any process makes a scorer of, once."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from churn.errors import ChurnError, NoModel, SettingsError
from churn.model.scorer import SERVED_FILES, Scorer
from churn.registry import Registry
from churn.settings import read_settings

_KEPT = 4
_lock = threading.Lock()
_scorers: dict[tuple[str, int], Scorer] = {}


@dataclass(frozen=True)
class StoredModel:
    """A stored model, as workers on other machines are given it: pickled, it is its files.

    Attributes:
        tag: its BentoML tag.
        files: their contents by name.

    """

    tag: str
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def scorer(self) -> Scorer:
        """The scorer of the model; made once in each process.

        Raises:
            ModelInvalid: it cannot be loaded, or a golden prediction differs.
        """
        key = self.tag, hash(tuple(sorted(self.files.items())))
        with _lock:
            if key not in _scorers:
                while len(_scorers) >= _KEPT:
                    del _scorers[next(iter(_scorers))]
                _scorers[key] = Scorer.from_files(self.tag, self.files)
            return _scorers[key]


def load_model(tag: str | None = None, home: Path | None = None) -> StoredModel:
    """Take a model from the registry.

    Args:
        tag: its BentoML tag; None: the current model's.
        home: the folder with `models/` and `registry/`; None: `CHURN_HOME`.

    Raises:
        SettingsError: an environment variable holds what it may not.
        NoModel: there is none, it is not whole, or it cannot be used.

    """
    settings = read_settings()
    registry = Registry(home or settings.home, settings.model_key)
    try:
        tag = tag or registry.current()
        folder = registry.fetch(tag)
        files = registry.entry(tag).files
        model = StoredModel(tag, {name: (folder / name).read_bytes() for name in SERVED_FILES if name in files})
        _ = model.scorer  # asked now for its golden predictions
    except SettingsError:
        raise
    except ChurnError as error:
        raise NoModel(str(error)) from error
    except OSError as error:
        raise NoModel(f"model {tag} cannot be read: {error}") from None
    return model
