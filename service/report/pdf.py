"""A report as PDF, typeset by Typst from the same document: tagged for screen readers (PDF/UA-1), no browser.

The document goes in as data, never as markup, so that no text of it is read as a command. Only the fonts that come
with Typst are used and the date is fixed: the same document gives the same bytes on every machine.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from service.report.document import Block, Cell, Document, Heading, Paragraph, Picture, Sentences

_TEMPLATE = Path(__file__).parent / "report.typ"
_FIXED = datetime(2000, 1, 1, tzinfo=UTC)


def report_pdf(document: Document) -> bytes:
    """The report as PDF/UA-1."""
    import typst

    with TemporaryDirectory(prefix="instroom-report-") as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(_TEMPLATE.read_bytes())
        pictures = [block for block in document.blocks if isinstance(block, Picture)]
        for picture in pictures:
            (root / f"{picture.name}.svg").write_text(picture.svg, "utf-8")
        stated = {
            "language": document.language,
            "title": document.title,
            "subtitle": document.subtitle,
            "contents": document.contents,
            "blocks": [_stated(block) for block in document.blocks],
        }
        (root / "report.json").write_text(json.dumps(stated), "utf-8")
        made = typst.compile(
            root / "report.typ",
            root=root,
            format="pdf",
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
            timestamp=_FIXED,
        )
    return bytes(made)


def _stated(block: Block) -> dict[str, Any]:
    if isinstance(block, Heading):
        return {"kind": "heading", "text": block.text, "level": block.level}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text, "query": block.query}
    if isinstance(block, Sentences):
        return {"kind": "sentences", "items": block.items}
    if isinstance(block, Picture):
        return {
            "kind": "picture",
            "file": f"{block.name}.svg",
            "caption": block.caption,
            "alternative": block.alternative,
            "query": block.query,
        }
    return {
        "kind": "table",
        "caption": block.caption,
        "columns": block.columns,
        "rows": [[_cell(cell) for cell in row] for row in block.rows],
        "words": sorted(block.words),
        "note": block.note,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {"text": cell.text, "query": cell.query}
