"""Folders for a model hub hold all that a zip holds, and a README that hubs understand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.paths import BUNDLES
from tools.package.__main__ import NAMES, bundle_files
from tools.package.hub import hub_files, write_hub

KNOWN = {"license", "library_name", "tags", "model_name", "version", "pipeline_tag"}


def front(page: str) -> tuple[dict[str, object], str]:
    _, head, body = page.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_readme_says_licence_library_and_tags_and_its_links_lead_somewhere(name: str) -> None:
    files = hub_files(BUNDLES, name)
    head, body = front(files["README.md"].decode())
    assert set(head) <= KNOWN
    assert head["license"] == "apache-2.0" and b"Apache License" in files["LICENSE"]
    assert head["library_name"] == "monai" and "monai" in head["tags"]  # type: ignore[operator]
    assert f"# {name}" in body
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", body)
    assert links and [link for link in links if link not in files] == []
    packed = bundle_files(BUNDLES, name)
    assert {path: files[path] for path in packed} == packed
    large = {f"*{Path(path).suffix}" for path, content in files.items() if len(content) > 1 << 20}
    attributes = files[".gitattributes"].decode()
    assert [pattern for pattern in large if f"{pattern} filter=lfs" not in attributes] == []


@pytest.mark.slow
def test_folders_are_written_whole_and_replaced(tmp_path: Path) -> None:
    folders = write_hub(tmp_path)
    assert [folder.name for folder in folders] == list(NAMES)
    for folder in folders:
        assert (folder / "README.md").is_file() and (folder / "models" / "model.pt").is_file()
    assert write_hub(tmp_path) == folders
