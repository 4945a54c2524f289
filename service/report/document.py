"""What a report consists of, before it is HTML or PDF: headings, paragraphs, tables and pictures in order.

Every number may carry the address of the query that made it. Text is text: whoever writes the document escapes it.
Must not know evaluations, languages or formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading of level 2 or 3; `anchor` names its place."""

    text: str
    anchor: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `query` is the address of what it is about."""

    text: str
    query: str | None = None


@dataclass(frozen=True)
class Sentences:
    """Numbered sentences that stand together."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """A cell of a table with the query that made it."""

    text: str
    query: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the first column names its row, `words` are further columns of text."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    words: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A drawing as SVG with what it shows in words, for readers who do not see it."""

    name: str
    svg: str
    caption: str
    alternative: str
    query: str | None = None


Block = Heading | Paragraph | Sentences | Table | Picture


@dataclass(frozen=True)
class Document:
    """A report in one language (`nl` or `en`)."""

    language: str
    title: str
    subtitle: str
    contents: str
    blocks: tuple[Block, ...]


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    note: str = "",
    words: Sequence[int] = (),
) -> Table:
    """A table from lists."""
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows), note, frozenset(words))
