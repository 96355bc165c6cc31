"""A bundle as a folder for a model hub: its files, and a README that says what hubs ask.

python -m tools.package.hub --output DIR

DIR receives a folder for each bundle, to be uploaded as it is, by `huggingface-cli upload` or git
with LFS. Nothing is sent anywhere by this command.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fem_sim.command_line import make_parser, run_command
from myomotion.files.outputs import refuse_unsafe, replaced_folder
from tools.bundle import BUNDLES
from tools.package.__main__ import NAMES, bundle_files
from tools.package.checks import check_bundle

HUB = "hub"  # kind of the folder, see myomotion.files.outputs
LICENCE = "apache-2.0"  # as hubs write that of every bundle; a test holds it against LICENSE
COMMON_TAGS = ["monai", "medical", "cardiac-mri", "cine-mri", "left-ventricle"]
TAGS = {
    "cardiac_motion_reg": ["image-registration", "motion", "strain"],
    "vae_regulariser": ["biomechanics", "finite-elements", "autoencoder"],
    "ventricle_segmentation": ["image-segmentation"],
}
PIPELINES = {"ventricle_segmentation": "image-segmentation"}  # hubs have none for the others
LARGE = ("*.pt", "*.png", "*.gif", "*.ipynb")  # what git keeps by LFS
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)]+)\)")


def hub_files(bundles: Path, name: str) -> dict[str, bytes]:
    """Everything of a hub's folder, by path in it.

    Args:
        bundles: folder of the bundles.
        name: of the bundle.

    Returns:
        The files of its zip, ``README.md`` with front matter, and ``.gitattributes``.
    """
    files = bundle_files(bundles, name)
    metadata = json.loads(files["configs/metadata.json"])
    page = files["docs/README.md"].decode()
    # Links of docs/README.md, seen from the folder above it.
    page = RELATIVE_LINK.sub(lambda link: f"]({_from_root(link[1])})", page)
    files["README.md"] = f"{front_matter(name, metadata)}\n{page}".encode()
    lines = [f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE]
    files[".gitattributes"] = "".join(lines).encode()
    return files


def front_matter(name: str, metadata: Mapping[str, Any]) -> str:
    """What hubs read at the top of a README, as YAML between lines of dashes.

    Args:
        name: of the bundle.
        metadata: content of its ``metadata.json``.
    """
    content: dict[str, Any] = {
        "license": LICENCE,
        "library_name": "monai",
        "tags": [*COMMON_TAGS, *TAGS[name]],
        "model_name": name,
        "version": metadata["version"],
    }
    if name in PIPELINES:
        content["pipeline_tag"] = PIPELINES[name]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n"


def write_hub(output: Path, bundles: Path = BUNDLES) -> list[Path]:
    """Write a folder for each bundle; nothing is written if one lacks something.

    Args:
        output: receives the folders, each replaced as a whole.
        bundles: folder of the bundles.

    Returns:
        The folders.

    Raises:
        InputError: naming what a bundle lacks.
        OutputError: if a folder is something else.
    """
    for name in NAMES:
        check_bundle(bundles / name)
        refuse_unsafe(output / name, [bundles], HUB)
    for name in NAMES:
        with replaced_folder(output / name, HUB, [bundles]) as folder:
            for path, content in hub_files(bundles, name).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
    return [output / name for name in NAMES]


def _from_root(link: str) -> str:
    place = f"docs/{link}"
    while re.search(r"[^/.][^/]*/\.\./", place):
        place = re.sub(r"[^/.][^/]*/\.\./", "", place, count=1)
    return place


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.package.hub", __doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the folders")
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="folder of the bundles")
    options = parser.parse_args(arguments)
    return run_command(lambda: print(*write_hub(options.output, options.bundles), sep="\n"))


if __name__ == "__main__":
    sys.exit(main())
