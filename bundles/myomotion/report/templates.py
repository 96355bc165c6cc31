"""The files that a report is drawn from: Jinja2 templates that escape what they are given."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from myomotion.files.tables import json_text

FOLDER = Path(__file__).parent


@cache
def environment() -> Environment:
    """Templates of this folder; every value is escaped, and a missing one is an error."""
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.policies["json.dumps_function"] = json_text
    found.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return found


def render(template: str, **values: Any) -> Markup:
    """Fill a template.

    Args:
        template: name of the file.
        values: what it asks for.

    Returns:
        Its text, which other templates take as it is.
    """
    return Markup(environment().get_template(template).render(values))


def as_it_is(name: str) -> Markup:
    """A style sheet or script for a page.

    Args:
        name: of the file.

    Returns:
        Its text, which templates take as it is.
    """
    return Markup((FOLDER / name).read_text(encoding="utf-8"))
