"""Write all bundles as zips that need nothing of this project beside them.

python -m tools.package --output DIR

DIR receives NAME_vX.Y.Z.zip of all bundles, SHA256SUMS, and model_info.json with their entries for
a model zoo. The same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from monai.bundle import ConfigParser

from fem_sim.command_line import make_parser, run_command
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim, refuse_unsafe
from myomotion.files.tables import json_text
from tools.bundle import BUNDLES
from tools.package.checks import check_bundle
from tools.package.reach import reached_files

NAMES = ("vae_regulariser", "ventricle_segmentation", "cardiac_motion_reg")
PACKAGE = "myomotion"
# In a folder of its own: MONAI Label takes the shortest name of models/*.pt for the network's.
FILES_OF_OTHER_BUNDLES = {
    "cardiac_motion_reg": {
        "models/vae/model.pt": "vae_regulariser/models/model.pt",
        "models/ventricles/model.pt": "ventricle_segmentation/models/model.pt",
    }
}
EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)  # of all times that a zip can hold
FILE_MODE = 0o100644


def package(output: Path, bundles: Path = BUNDLES) -> list[Path]:
    """Check and pack all bundles; nothing is written if one of them cannot be packed.

    Args:
        output: folder for the zips, ``SHA256SUMS`` and ``model_info.json``.
        bundles: folder that holds the bundles and the package they share.

    Returns:
        The zips.

    Raises:
        OutputError: if a file in ``output`` is not of an earlier packing.
        InputError: naming what a bundle lacks, see :func:`tools.package.checks.check_bundle`.
    """
    versions = {name: check_bundle(bundles / name)["version"] for name in NAMES}
    zips = {
        f"{name}_v{version}": zip_content(name, bundle_files(bundles, name))
        for name, version in versions.items()
    }
    names = [*(f"{stem}.zip" for stem in zips), "SHA256SUMS", "model_info.json"]
    for name in names:
        refuse_unsafe(output / name, [bundles / bundle for bundle in NAMES])
    for name in names:
        claim(output / name)
    for stem, content in zips.items():
        write_bytes(output / f"{stem}.zip", content)
    sums = [f"{hashlib.sha256(zips[stem]).hexdigest()}  {stem}.zip\n" for stem in sorted(zips)]
    write_bytes(output / "SHA256SUMS", "".join(sums).encode())
    entries = {
        # The zoo's sums are SHA-1; "source" is where the zip will lie, unknown as yet.
        stem: {"checksum": hashlib.sha1(zips[stem]).hexdigest(), "source": ""}
        for stem in sorted(zips)
    }
    write_bytes(output / "model_info.json", (json_text(entries, indent=4) + "\n").encode())
    return [output / f"{stem}.zip" for stem in zips]


def bundle_files(bundles: Path, name: str) -> dict[str, bytes]:
    """Everything that a bundle's zip holds.

    Args:
        bundles: see :func:`package`.
        name: name of the bundle.

    Returns:
        Path in the bundle, with forward slashes, to content: configurations as YAML and as JSON,
        documentation, weights, licence, and of the shared package what they can reach.
    """
    folder = bundles / name
    configs = sorted((folder / "configs").glob("*.yaml"))
    paths = [
        folder / "LICENSE",
        folder / "configs" / "metadata.json",
        folder / "configs" / "logging.conf",
        *configs,
        *filter(_is_shipped, (folder / "docs").rglob("*")),
        *filter(_is_shipped, (folder / "models").iterdir()),
    ]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    shared = sorted((bundles / PACKAGE / "configs").glob("*.yaml"))  # the same for every bundle
    files |= {f"configs/{path.name}": path.read_bytes() for path in shared}
    files |= {f"configs/{path.stem}.json": json_twin(path) for path in (*configs, *shared)}
    speaking = [*configs, *shared, *filter(_is_shipped, (folder / "docs").glob("*.md"))]
    texts = [path.read_text(encoding="utf-8") for path in speaking]
    for path in filter(_is_shipped, reached_files(bundles, PACKAGE, texts)):
        files[path.relative_to(bundles).as_posix()] = path.read_bytes()
    for target, source in FILES_OF_OTHER_BUNDLES.get(name, {}).items():
        files[target] = (bundles / source).read_bytes()
    return files


def json_twin(path: Path) -> bytes:
    """A YAML configuration as JSON, which ``monai.bundle.load`` asks for."""
    content = ConfigParser.load_config_file(str(path))
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def zip_content(name: str, files: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on ``files`` only: no times, no owners, names in order.

    Entries are stored, not compressed: the weights hardly shrink, and compressed bytes differ from
    one zlib to another.

    Args:
        name: top folder.
        files: path below it to content.

    Returns:
        The zip's bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{name}/{path}", EARLIEST_TIME)
            entry.create_system = 3  # Unix, also where this runs on Windows
            entry.external_attr = FILE_MODE << 16
            archive.writestr(entry, files[path])
    return buffer.getvalue()


def _is_shipped(path: Path) -> bool:
    made_by_itself = path.name.startswith(".") or path.parent.name == "__pycache__"
    return path.is_file() and not made_by_itself


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.package", __doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the zips")
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="folder of the bundles")
    options = parser.parse_args(arguments)
    return run_command(lambda: _package(options.output, options.bundles))


def _package(output: Path, bundles: Path) -> None:
    for path in package(output, bundles):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
