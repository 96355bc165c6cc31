"""A study as one page that opens offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from myomotion.files.tables import json_text
from tools.study.tables import Table

TEMPLATE = "page.html.j2"


def study_page(
    tables: Sequence[Table],
    remarks: Mapping[str, Sequence[str]],
    claims: Sequence[str],
    pictures: Mapping[str, tuple[str, bytes]],
    circumstances: Mapping[str, Any],
) -> str:
    """The page.

    Args:
        tables: in their order.
        remarks: heading to sentences.
        claims: one line each.
        pictures: file name to caption and content, PNG or GIF.
        circumstances: JSON-ready; shown as they are.

    Returns:
        HTML without references to other files.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["bold"] = bold
    shown = [
        {
            "caption": caption,
            "kind": Path(name).suffix[1:],
            "base64": base64.b64encode(content).decode(),
        }
        for name, (caption, content) in pictures.items()
    ]
    return environment.get_template(TEMPLATE).render(
        tables=tables,
        remarks=remarks,
        claims=claims,
        pictures=shown,
        circumstances=json_text(circumstances, indent=1),
    )


def bold(text: str) -> Markup:
    """Text for HTML, what Markdown has between two pairs of asterisks in bold.

    Args:
        text: a cell or a sentence.

    Returns:
        The text with everything else escaped.
    """
    parts = (
        Markup("<b>{}</b>").format(part) if i % 2 else escape(part)
        for i, part in enumerate(text.split("**"))
    )
    return Markup("").join(parts)
