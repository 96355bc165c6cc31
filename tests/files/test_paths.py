"""Files below a folder, links and all."""

from __future__ import annotations

from pathlib import Path

import pytest

from myomotion.files.paths import files_below


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in files_below(folder))


def test_links_to_folders_are_followed_and_hidden_files_left_out(tmp_path: Path) -> None:
    put(tmp_path, "study/a", "study/deep/b", "study/.hidden/c", "study/.d", "store/e", "more/f")
    (tmp_path / "study" / "link").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "on").symlink_to(tmp_path / "more")
    assert found(tmp_path / "study") == ["a", "deep/b", "link/e", "link/on/f"]


@pytest.mark.parametrize(
    ("target", "once"),
    [
        ("study", ["deep/a", "store/c"]),
        ("study/deep", ["deep/a", "store/c"]),
        (".", ["deep/a", "store/c"]),
        ("store", ["back/c", "deep/a"]),
    ],
)
def test_a_link_never_leads_to_a_file_twice_nor_up(
    tmp_path: Path, target: str, once: list[str]
) -> None:
    put(tmp_path, "study/deep/a", "other/b", "store/c")
    (tmp_path / "study" / "store").symlink_to(tmp_path / "store")
    for folder in ("study", "store"):
        (tmp_path / folder / "back").symlink_to(tmp_path / target)
    assert found(tmp_path / "study") == once
