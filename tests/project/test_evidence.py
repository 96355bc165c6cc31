"""The page of evidence claims nothing of its own: its numbers stand in the pages that it names."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.paths import BUNDLES

PAGE = BUNDLES / "cardiac_motion_reg" / "docs" / "evidence.md"
LINK = re.compile(r"\]\(([^)#]+\.md)(?:#[^)]*)?\)")
OTHER_BUNDLE = re.compile(r"README of `(\w+)`")  # a packed bundle has no link to another one
DECIMAL = re.compile(r"\d+\.\d+")


def unfounded(text: str, folder: Path) -> list[str]:
    """Decimals of a row or paragraph that none of the pages named in it has."""
    named = [folder / name for name in LINK.findall(text)]
    named += [BUNDLES / name / "docs" / "README.md" for name in OTHER_BUNDLE.findall(text)]
    pages = [path.read_text(encoding="utf-8") for path in named]
    known = {number for page in pages for number in DECIMAL.findall(page)}
    plain = LINK.sub("", text)
    return [number for number in DECIMAL.findall(plain) if number not in known]


def blocks() -> list[str]:
    """Rows of tables, and points of lists with their lines."""
    text = PAGE.read_text(encoding="utf-8")
    points = re.findall(r"^- .*?(?=^- |^#|^$)", text, re.M | re.S)
    return [*re.findall(r"^\|.*\|$", text, re.M), *points]


def test_every_number_stands_in_the_page_that_its_row_names() -> None:
    found = {block[:60]: wrong for block in blocks() if (wrong := unfounded(block, PAGE.parent))}
    assert found == {}
    assert sum(len(DECIMAL.findall(block)) for block in blocks()) > 20


def test_a_number_of_nowhere_would_be_seen() -> None:
    row = "| How far? | 1.5 and 0.1234567 | [a](README.md#performance) |"
    assert unfounded(row, PAGE.parent) == ["0.1234567"]
