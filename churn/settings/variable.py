"""Fields of a dataclass that environment variables set: the name, what is allowed and the meaning beside each field.

`Environment.read` reads them, and docs/reference/settings.md is made of their `Variable`s.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from churn.settings.bearer import TokenSettings
from churn.settings.environment import Environment, number_rule
from churn.settings.origin import ORIGIN_RULE

if TYPE_CHECKING:
    from churn.signing import ModelKey


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Variable:
    """An environment variable, for people.

    Attributes:
        name: of the variable.
        topic: the heading under which it is listed.
        meaning: what it changes.
        allowed: the values that are taken.
        default: what holds where it is unset; empty where nothing does.

    """

    name: str
    topic: str
    meaning: str
    allowed: str
    default: str = ""


def number[T: (int, float)](name: str, topic: str, meaning: str, value: T, low: T, high: T) -> T:
    """A number of the default's type within a range, inclusive."""
    variable = Variable(name, topic, meaning, number_rule(name, value, low, high), f"{value:.12g}")
    read = {"read": lambda reader: reader.number(name, value, low, high)}
    return field(default=value, metadata={"variables": [variable], "range": (low, high), **read})


def choice(name: str, topic: str, meaning: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of these texts, `value` where it is unset."""
    variable = Variable(name, topic, meaning, ", ".join(allowed), value)
    return _required([variable], lambda reader: reader.choice(name, value, allowed))


def switch(name: str, topic: str, meaning: str) -> bool:
    """On, unless it is `off`."""
    variable = Variable(name, topic, meaning, "on, off", "on")
    return _required([variable], lambda reader: reader.choice(name, "on", ("on", "off")) == "on")


def matching(name: str, topic: str, meaning: str, value: str, pattern: str, rule: str) -> str:
    """A text that the pattern fits as a whole; the rule says so in words."""
    variable = Variable(name, topic, meaning, rule, value)
    return _required([variable], lambda reader: reader.matching(name, value, pattern, rule))


def text(name: str, topic: str, meaning: str) -> str | None:
    """Any text."""
    return _required([Variable(name, topic, meaning, "any text")], lambda reader: reader.text(name))


def file(name: str, topic: str, meaning: str, value: str) -> Path:
    """A file, which need not exist."""
    variable = Variable(name, topic, meaning, "a path", value)
    return _required([variable], lambda reader: Path(reader.text(name) or value))


def folder(name: str, topic: str, meaning: str, default: str) -> Path:
    """A folder that exists; the current one where none is set."""
    variable = Variable(name, topic, meaning, "a folder that exists", default)
    return _required([variable], lambda reader: reader.folder(name))


def url(name: str, topic: str, meaning: str) -> str | None:
    """A web address, which may hold a secret: never shown."""
    variable = Variable(name, topic, meaning, "http://... or https://...")
    return _required([variable], lambda reader: reader.url(name), shown=False)


def origins(name: str, topic: str, meaning: str) -> tuple[str, ...]:
    """Origins of web pages."""
    return _required([Variable(name, topic, meaning, ORIGIN_RULE)], lambda reader: reader.origins(name))


def token(name: str, topic: str, meaning: str) -> TokenSettings:
    """A bearer token, from the variable or from a file."""
    in_file = f"file that holds it, read where `{name}` is unset, and again when it changes"
    variables = [
        Variable(name, topic, meaning, "any text but `replace-me`"),
        Variable(f"{name}_FILE", topic, in_file, "a readable UTF-8 file"),
    ]
    return _required(variables, lambda reader: reader.token(name))


def model_key(name: str, topic: str, meaning: str) -> "ModelKey | None":
    """The key that signs models, never shown."""
    variable = Variable(name, topic, meaning, "a readable file with an Ed25519 key, unencrypted PEM")
    return _required([variable], lambda reader: reader.model_key(name), shown=False)


def group[T: _Dataclass](kind: type[T]) -> T:
    """The settings of another dataclass."""
    return _required(variables_of(kind), lambda reader: read(kind, reader))


def variables_of(kind: type[_Dataclass]) -> list[Variable]:
    """The variables of a dataclass, in the order of its fields."""
    return [variable for f in fields(kind) for variable in f.metadata["variables"]]


def read[T: _Dataclass](kind: type[T], reader: Environment) -> T:
    """A dataclass with what the environment says of each field; what is wrong is among the reader's problems."""
    return kind(**{f.name: f.metadata["read"](reader) for f in fields(kind)})


def _required[T](variables: list[Variable], read: Callable[[Environment], T], *, shown: bool = True) -> T:
    made: T = field(repr=shown, metadata={"variables": variables, "read": read})
    return made
