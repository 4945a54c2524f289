"""A report as one HTML page that asks for nothing else: style and pictures inside, no script, ready to print.

All text is escaped here. The same document gives the same bytes. Must not know evaluations.
"""

from __future__ import annotations

import html
from pathlib import Path

from service.report.document import Block, Cell, Document, Heading, Paragraph, Picture, Sentences, Table


def report_html(document: Document) -> bytes:
    """The page in UTF-8."""
    style = (Path(__file__).parent / "report.css").read_text("utf-8")
    headings = [block for block in document.blocks if isinstance(block, Heading) and block.level == 2]
    contents = "".join(f'<li><a href="#{one.anchor}">{_text(one.text)}</a></li>' for one in headings)
    body = "\n".join(_block(block) for block in document.blocks)
    page = f"""<!DOCTYPE html>
<html lang="{document.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(document.title)} – {_text(document.subtitle)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{_text(document.title)}</h1>
<p class="subtitle">{_text(document.subtitle)}</p>
</header>
<nav aria-label="{_text(document.contents)}"><ol>{contents}</ol></nav>
<main>
{body}
</main>
</body>
</html>
"""
    return page.encode()


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{block.anchor}">{_text(block.text)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return f"<p>{_linked(block.text, block.query)}</p>"
    if isinstance(block, Sentences):
        return "<ol>" + "".join(f"<li>{_text(item)}</li>" for item in block.items) + "</ol>"
    if isinstance(block, Picture):
        caption = _linked(block.caption, block.query)
        told = f'<p class="told">{_text(block.alternative)}</p>'
        return (
            f'<figure id="picture-{block.name}">{block.svg}<figcaption>{caption}</figcaption>{told}</figure>'
        )
    return _table(block)


def _table(block: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_kind(block, place)}>{_text(column)}</th>'
        for place, column in enumerate(block.columns)
    )
    rows = "".join(f"<tr>{_cells(block, row)}</tr>" for row in block.rows)
    note = f"<p>{_text(block.note)}</p>" if block.note else ""
    label = html.escape(block.caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<caption>{_text(block.caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _cells(block: Table, row: tuple[Cell, ...]) -> str:
    first = f'<th scope="row">{_linked(row[0].text, row[0].query)}</th>'
    rest = "".join(
        f"<td{_kind(block, place)}>{_linked(cell.text, cell.query)}</td>"
        for place, cell in enumerate(row[1:], start=1)
    )
    return first + rest


def _kind(block: Table, place: int) -> str:
    return "" if place == 0 or place in block.words else ' class="number"'


def _linked(text: str, query: str | None) -> str:
    return _text(text) if query is None else f'<a href="{html.escape(query)}">{_text(text)}</a>'


def _text(text: str) -> str:
    return html.escape(text, quote=True)
