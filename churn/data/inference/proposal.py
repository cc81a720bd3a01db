"""Proposal of a schema: what becomes of each column, as TOML, and what a data scientist wants to know."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from churn.data.columns import shorten
from churn.data.inference.piece import Piece, names_of, piece_of
from churn.data.inference.profile import Profile, profile_columns, read_levels
from churn.data.inference.rendering import LOOK, render_feature, render_ignored, render_keys, schema_name
from churn.data.inference.table import Table, opened
from churn.data.inference.target import MOST_TEXTS, FoundTarget, find_target
from churn.errors import DataError
from churn.schema.reading import parse_schema
from churn.schema.table import Value


class Proposal(NamedTuple):
    """A schema for a file.

    Attributes:
        toml: the schema file.
        notes: what a person wants to know, a line each.

    """

    toml: str
    notes: tuple[str, ...]


def propose_schema(path: Path, target: str | None = None) -> Proposal:
    """Propose a schema for a CSV or Parquet file of any size, or for a folder of Parquet files.

    Args:
        path: the file; it is read twice, in memory that does not grow with it.
        target: the column that says who left; None to recognise it.

    Raises:
        DataError: the file cannot be read, the target is not clear, or no column can be a feature.

    """
    with opened(path) as table:
        profiles = profile_columns(table)
        rows = profiles[0].rows
        if rows == 0:
            raise DataError(f"{path} cannot be used: there are columns, but no row of data")
        for profile in profiles:
            if profile.distinct <= 2 * MOST_TEXTS:
                profile.levels = read_levels(table, profile)
        found = find_target(table, profiles, target)
        pieces = [_piece(table, profile, found) for profile in profiles if profile is not found.profile]
        return _Draft(table, rows, found, pieces).proposal()


def _piece(table: Table, profile: Profile, target: FoundTarget) -> Piece:
    return piece_of(replace(profile, levels=read_levels(table, profile, target.label)))


class _Draft:
    """The columns, sorted by what becomes of them."""

    def __init__(self, table: Table, rows: int, target: FoundTarget, pieces: Sequence[Piece]) -> None:
        self._table = table
        self._rows = rows
        self._target = target
        keys = sorted((piece for piece in pieces if piece.role == "key"), key=lambda piece: piece.rank)
        self._identifier = keys[0] if keys else None
        self._features = [piece for piece in pieces if piece.role == "feature"]
        self._ignored = [piece for piece in pieces if piece.role == "ignored" or piece in keys[1:]]
        if not self._features:
            reasons = [f"column {shorten(piece.column)}: {piece.note}" for piece in self._ignored]
            raise DataError("\n  ".join([f"{table.path}: no column is left for a feature", *reasons]))
        self._words = tuple(sorted({word for piece in self._features if _is_number(piece) for word in piece.words}))

    def proposal(self) -> Proposal:
        """The proposal, read once more as a schema.

        Raises:
            SchemaError: it is none; that is a bug, or a column's name that no schema can hold.
        """
        toml = "\n".join(self._lines()) + "\n"
        parse_schema(toml.encode(), f"the schema proposed for {self._table.path}")
        looks = toml.count(LOOK)
        told = f"look at the {looks} line{'s' * (looks != 1)} with `{LOOK.strip()}`" if looks else "nothing to look at"
        return Proposal(toml, (*self._notes(), f"features proposed: {len(self._features)}; {told}"))

    def _lines(self) -> Iterator[str]:
        source = f"{self._rows:,} rows of {self._table.path.name!r}"
        yield f"# Proposed from {source}; docs/schema.md says what each key means."
        yield from render_keys({"version": 1, "name": schema_name(self._table.path.stem)})
        yield from ("", "[target]")
        if self._target.doubt:
            yield f"{LOOK}{self._target.doubt}"
        target = self._target
        yield from render_keys(
            {
                "column": target.profile.name,
                "positive": target.values(target.positive),
                "negative": target.values(target.negative),
            }
        )
        if self._identifier is not None:
            yield from ("", "[identifier]")
            if self._identifier.look:
                yield f"{LOOK}{self._identifier.note}"
            yield from render_keys({"column": self._identifier.column})
        yield from self._file()
        for name, piece in zip(names_of([piece.column for piece in self._features]), self._features, strict=True):
            yield from render_feature(name, piece, missing=self._missing(piece) > 0)

    def _file(self) -> Iterator[str]:
        blanks = {blank for piece in self._features for blank in piece.blanks}
        marks: tuple[Value, ...] = ("", *sorted(blanks - {""}), *self._words)
        if len(marks) > 1 or self._ignored:
            yield from ("", "[file]")
        if len(marks) > 1:
            yield from render_keys({"missing": marks})
        yield from render_ignored(self._ignored)

    def _missing(self, piece: Piece) -> int:
        """How many values are missing: a word that is none among numbers is none among texts, too."""
        return piece.missing + (piece.marked if set(piece.words) & set(self._words) else 0)

    def _notes(self) -> Iterator[str]:
        table, target = self._table, self._target
        unusual = f"; {table.unusual}" if table.unusual else ""
        yield f"{table.path}: {self._rows:,} rows, {len(table.names)} columns{unusual}"
        share = target.left / (target.left + target.stayed)
        yield (
            f"target {target.profile.name}, recognised {target.how}: {_listed(target.positive)} left "
            f"({target.left:,} rows, {share:.1%}), {_listed(target.negative)} stayed"
        )
        if target.doubt:
            yield f"target {target.profile.name}: {target.doubt}"
        if target.profile.missing:
            blank = f"it is blank in {target.profile.missing:,} rows"
            yield f"target {target.profile.name}: {blank}, which training refuses"
        if self._identifier is not None:
            yield f"{_shown(self._identifier)}: identifier; {self._identifier.note}"
        for piece in self._ignored:
            yield f"{_shown(piece)}: ignored; {piece.note}"
        for piece in self._features:
            yield from (f"{_shown(piece)}: {text}" for text in self._feature_notes(piece))

    def _feature_notes(self, piece: Piece) -> Iterator[str]:
        if piece.note:
            yield piece.note
        if missing := self._missing(piece):
            words = set(piece.words) & set(self._words)
            how = f"blank or {_listed(sorted(words))}" if words else "blank"
            share = f"missing in {missing:,} of {self._rows:,} rows ({missing / self._rows:.1%}, {how})"
            yield f"{share}; imputed"


def _is_number(piece: Piece) -> bool:
    return piece.keys["kind"] in ("integer", "number")


def _shown(piece: Piece) -> str:
    return piece.column if piece.column.isprintable() and piece.column else repr(piece.column)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(shorten, texts))
