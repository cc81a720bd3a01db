"""Typed reading of environment variables, which collects all that is wrong instead of stopping at the first."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from churn.settings.bearer import PLACEHOLDER_TOKEN, TokenSettings, read_token_file
from churn.settings.origin import ORIGIN_RULE, is_origin

if TYPE_CHECKING:
    from churn.signing import ModelKey


class Environment:
    """Variables of a process; a variable that is blank counts as unset.

    Attributes:
        problems: one line for each variable that holds what it may not: its name, its value (never a secret's) and
            what is allowed.

    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        """The variable without outer blanks."""
        return self._variables.get(name, "").strip() or None

    def matching(self, name: str, default: str, pattern: str, allowed: str) -> str:
        """A text that the pattern fits as a whole."""
        value = self.text(name) or default
        if not re.fullmatch(pattern, value):
            self.refuse(name, value, allowed)
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of these texts, in lower case."""
        value = (self.text(name) or default).lower()
        if value not in allowed:
            self.refuse(name, value, ", ".join(allowed))
        return value

    def folder(self, name: str) -> Path:
        """A folder that exists; the current one where none is set."""
        try:
            value = Path(self.text(name) or Path.cwd()).absolute()
        except FileNotFoundError:
            self.problems.append(f"the current folder was removed; go to another one, or set {name} to a whole path")
            return Path("/")
        with contextlib.suppress(OSError):  # a name that is too long
            if value.is_dir():
                return value
        self.refuse(name, self.text(name) or str(value), "a folder that exists")
        return value

    def number[T: (int, float)](self, name: str, default: T, minimum: T, maximum: T) -> T:
        """A number of the default's type in this range, inclusive."""
        value = self.text(name)
        if value is None:
            return default
        # Python alone would take 1_0 and digits of other scripts.
        plain = value if value.isascii() and "_" not in value else ""
        try:
            number = type(default)(plain)
        except ValueError:
            number = None
        if number is None or not minimum <= number <= maximum:
            self.refuse(name, value, number_rule(name, default, minimum, maximum))
            return default
        return number

    def url(self, name: str) -> str | None:
        """A web address."""
        value = self.text(name)
        if value is not None and not _is_web_address(value):
            # The value may carry a secret path (a webhook), so it is not repeated.
            self.problems.append(f"{name} is not a web address; allowed: http://... or https://...")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        """Origins of pages, separated by commas, or an asterisk for all."""
        value = self.text(name) or ""
        origins = tuple(origin.strip() for origin in value.split(",")) if value else ()
        if origins != ("*",) and not all(map(is_origin, origins)):
            self.refuse(name, value, ORIGIN_RULE)
        return origins

    def token(self, name: str) -> TokenSettings:
        """A token from the variable, or else from the file that `<name>_FILE` names. The placeholder is none."""
        value = self.text(name)
        path = self.text(f"{name}_FILE")
        if value is not None or path is None:
            return TokenSettings(None if value == PLACEHOLDER_TOKEN else value, None, value is not None)
        try:
            return TokenSettings(read_token_file(Path(path)), Path(path), asked_for=True)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self.problems.append(
                f"{name}_FILE={path!r} cannot be read ({reason}); allowed: a readable UTF-8 file that holds the token"
            )
        return TokenSettings(None, None, asked_for=True)

    def model_key(self, name: str) -> "ModelKey | None":
        """An Ed25519 key from the file that the variable names."""
        path = self.text(name)
        if path is None:
            return None
        from churn.signing import read_model_key  # noqa: PLC0415 - 30 ms that only those who sign models pay

        try:
            return read_model_key(Path(path))
        except OSError as error:
            reason = error.strerror
        except ValueError:
            reason = "it holds something else"
        allowed = "an Ed25519 key, private or public, unencrypted PEM (`openssl genpkey -algorithm ed25519` makes one)"
        self.problems.append(f"{name}={path!r} cannot be used ({reason}); allowed: a readable file with {allowed}")
        return None

    def refuse(self, name: str, value: str, allowed: str) -> None:
        """Add a problem."""
        self.problems.append(f"{name}={value!r} is not allowed; allowed: {allowed}")


def number_rule(name: str, default: float, minimum: float, maximum: float) -> str:
    """What a number may be, in words; a default that is a whole number takes no other."""
    kind = "a whole number" if isinstance(default, int) else "a number"
    unit = " of seconds" if name.endswith("_SECONDS") else ""
    return f"{kind}{unit} from {minimum:.12g} to {maximum:.12g}"


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not re.search(r"\s", text)
        )
    except ValueError:  # brackets that are no IPv6 address, or a port that is none
        return False
