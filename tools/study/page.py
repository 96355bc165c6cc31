"""A study as one page that opens offline."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tools.study.tables import Table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1150px;
  padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-size: 13.5px; margin: .4rem 0 1rem; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
pre { background: #f5f5f5; padding: .8rem; overflow: auto; font-size: 12px; }
"""


def study_page(
    tables: Sequence[Table],
    remarks: Mapping[str, Sequence[str]],
    claims: Sequence[str],
    figures: Mapping[str, tuple[str, bytes]],
    circumstances: Mapping[str, Any],
) -> str:
    """The page.

    Args:
        tables: in their order.
        remarks: heading to sentences.
        claims: one line each.
        figures: file name to caption and content, PNG or GIF.
        circumstances: JSON-ready; shown as they are.

    Returns:
        HTML without references to other files.
    """
    lists = "".join(
        f"<h3>{escape(heading)}</h3><ul>{''.join(f'<li>{_bold(s)}</li>' for s in lines)}</ul>"
        for heading, lines in remarks.items()
        if lines
    )
    lines = "\n".join(claims)
    shown = f"<h3>Claims</h3><pre>{escape(lines)}</pre>" if claims else ""
    pictures = "".join(
        f"<h3>{escape(caption)}</h3>"
        f'<img alt="{escape(caption)}" src="data:image/{Path(name).suffix[1:]};base64,'
        f'{base64.b64encode(content).decode()}">'
        for name, (caption, content) in figures.items()
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>Comparison with peers</title><style>{STYLE}</style></head><body>"
        "<h1>Comparison with peers</h1><p>End-systole to end-diastole, myocardium. Research use "
        f"only.</p>{''.join(t.html() for t in tables)}{lists}{shown}{pictures}"
        f"<h3>Provenance</h3><pre>{escape(json.dumps(circumstances, indent=1))}</pre>"
        "</body></html>\n"
    )


def _bold(text: str) -> str:
    parts = escape(text).split("**")
    return "".join(f"<b>{p}</b>" if i % 2 else p for i, p in enumerate(parts))
