"""A small world of inputs and results in which hostile arrangements are made."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.bundle import ConfigWorkflow

from fem_sim.dataset import simulate_dataset
from tools.bundle import REGISTRATION, VAE
from tools.convert.dicom import write_cine

SIZE = 64  # voxels
STUDIES = ("anna", "bert")


def make_world(folder: Path) -> None:
    """Make studies as NIfTI and DICOM, one simulated cycle, a packed file and a tracked study.

    Args:
        folder: to fill: ``in``, ``dicom``, ``cycles``, ``zip``, ``acdc`` and ``results``.
    """
    for number, name in enumerate(STUDIES):
        write_study(folder / "in" / name, 14 + number)
    write_cine(folder / "in" / "anna" / "sa.nii.gz", folder / "scanner" / "anna")
    # A scanner leaves no marker of ours.
    (folder / "scanner" / "anna" / ".myomotion.json").unlink()
    simulate_dataset(folder / "cycles", count=1, levels=4, progress=False)
    sheet = folder / "zip" / "NAME_v1.zip"
    sheet.parent.mkdir()
    with zipfile.ZipFile(sheet, "w") as archive:
        archive.writestr("NAME/a.txt", "a")
    digest = hashlib.sha256(sheet.read_bytes()).hexdigest()
    (folder / "zip" / "SHA256SUMS").write_text(f"{digest}  {sheet.name}\n")
    write_acdc(folder / "acdc" / "patient001")
    if infer(folder / "in" / "anna", folder / "results"):
        raise RuntimeError("the study of this verification cannot be tracked")


def write_study(folder: Path, radius: float) -> None:
    """A shrinking ring with its label at end-diastole and end-systole.

    Args:
        folder: to make.
        radius: of the cavity, voxels.
    """
    folder.mkdir(parents=True)
    image, label = _ring(radius)
    save(folder / "sa.nii.gz", image)
    for phase, frame in (("ED", 0), ("ES", 1)):
        save(folder / f"label_sa_{phase}.nii.gz", label[..., frame])
    (folder / "info.json").write_text('{"ed_frame": 0, "es_frame": 1, "labels": "internal"}')


def write_acdc(folder: Path) -> None:
    """The same as a subject of ACDC."""
    folder.mkdir(parents=True)
    image, label = _ring(14)
    save(folder / "patient001_4d.nii.gz", image)
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\n")
    for frame in (0, 1):
        codes = np.choose(label[..., frame], (0, 3, 2)).astype(np.uint8)
        save(folder / f"patient001_frame{frame + 1:02d}_gt.nii.gz", codes)


def _ring(radius: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(*[np.arange(SIZE) - SIZE / 2] * 2, indexing="ij")
    distance = np.hypot(x, y)[:, :, None, None]
    inner = np.array([radius, radius - 3, radius - 1.5])[None, None, None]
    outer = np.sqrt(inner**2 + 200)
    label = np.where(distance < inner, 1, np.where(distance < outer, 2, 0)).astype(np.uint8)
    return np.choose(label, (500, 900, 250)).astype(np.int16), label


def save(path: Path, values: np.ndarray) -> None:
    """Write an array as NIfTI with voxels of 1.5 x 1.5 x 8 mm."""
    nib.save(nib.Nifti1Image(values, np.diag([1.5, 1.5, 8, 1])), path)


def bundle(*configs: Path, **options: Any) -> int:
    """Run a bundle in this process as its command line does.

    Args:
        configs: the configuration, and those laid over it.
        options: keys with other values.

    Returns:
        Exit status.
    """
    workflow = ConfigWorkflow(
        config_file=[str(c) for c in configs],
        workflow_type=None,
        logging_file=False,
        bundle_root=str(configs[0].parents[1]),
        **options,
    )

    def run() -> None:
        workflow.initialize()
        workflow.run()

    return status_of(run)


def infer(data: object, output: object, **options: Any) -> int:
    """Track with the shipped network; returns the exit status."""
    config = REGISTRATION / "configs" / "inference.yaml"
    places = {"dataset_dir": _plain(data), "output_dir": _plain(output)}
    return bundle(config, **places, report=False, device="cpu", **options)


def train(output: Path, network: str = "registration", **options: Any) -> int:
    """Begin to train; returns the exit status."""
    folder = REGISTRATION if network == "registration" else VAE
    return bundle(folder / "configs" / "train.yaml", output_dir=str(output), **options)


def score(cycles: Path, output: Path) -> int:
    """Score cycles with the shipped autoencoder; returns the exit status."""
    places = {"dataset_dir": str(cycles), "output_dir": str(output)}
    config = VAE / "configs" / "inference.yaml"
    return bundle(config, **places, section="training", device="cpu")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def status_of(action: Callable[[], object]) -> int:
    """Exit status of what may end the program.

    Args:
        action: gives a status, or nothing, or raises SystemExit; its text is printed.
    """
    try:
        found = action()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code)
            return 1
        return int(stop.code or 0)
    return found if isinstance(found, int) else 0


@contextlib.contextmanager
def at(folder: Path) -> Iterator[None]:
    """Work in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def heard() -> Iterator[io.StringIO]:
    """Everything that is printed in the block."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, and the targets of links, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
