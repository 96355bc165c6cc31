"""Files as other programs write them, and what lies beside them (kinds K2 and K3)."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from tools.verify.robustness.faults.changes import Change, cine_of, header, save
from tools.verify.robustness.faults.row import Row, both, doubted, refused, said, same

CINE, LABEL = "sa.nii.gz", "label_sa_ED.nii.gz"


def as_pair(name: str) -> Change:
    """A file as header and voxels apart, ``.hdr`` and ``.img``."""

    def change(folder: Path) -> None:
        image = nib.Nifti1Image.from_filename(folder / name)
        pair = nib.Nifti1Pair(np.asarray(image.dataobj), image.affine)
        nib.save(pair, folder / name.replace(".nii.gz", ".hdr"))
        (folder / name).unlink()

    return change


def as_analyze(folder: Path) -> None:
    """The format before NIfTI, which does not tell left from right."""
    image, _ = cine_of(folder)
    nib.save(nib.AnalyzeImage(image, np.diag([1.8, 1.8, 8, 1])), folder / "sa.hdr")
    (folder / CINE).unlink()


def renamed(name: str, to: str) -> Change:
    """A file under another name."""

    def change(folder: Path) -> None:
        (folder / name).rename(folder / to)

    return change


def unpacked(folder: Path) -> None:
    """A plain file under the name of a packed one."""
    content = gzip.decompress((folder / CINE).read_bytes())
    (folder / CINE).write_bytes(content)


def scaled(factor: float) -> Change:
    """Intensities in another unit."""

    def change(folder: Path) -> None:
        image, _ = cine_of(folder)
        save(folder, image.astype(np.float64) * factor)

    return change


def empty_border(folder: Path) -> None:
    """Not a number where nothing was resampled."""
    image, _ = cine_of(folder)
    image = image.astype(np.float32)
    image[:3], image[:, -2:] = np.nan, np.nan
    save(folder, image)


def another_beside(folder: Path) -> None:
    """A second cine under another ending, mirrored."""
    image, affine = cine_of(folder)
    nib.save(nib.Nifti1Image(image[::-1], affine), folder / "sa.nii")


def hidden_files(folder: Path) -> None:
    """What file managers leave behind."""
    for name in ("._sa.nii.gz", "._label_sa_ED.nii.gz", "._info.json", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"\0\5\26\7" * 20)
    (folder / "desktop.ini").write_text("[.ShellClassInfo]")


def linked(folder: Path) -> None:
    """The folder holds a link to itself, one to nothing, and the cine is a link."""
    store = folder.with_name("store")
    store.mkdir()
    shutil.move(folder / CINE, store)
    (folder / CINE).symlink_to(store / CINE)
    (folder / "loop").symlink_to(folder)
    (folder / "dead.dcm").symlink_to("nowhere")


def voxels_in(place: str) -> Change:
    """MetaImage whose voxels lie elsewhere: ``data/`` or ``LIST`` of a file a frame."""

    def change(folder: Path) -> None:
        frames = cine_of(folder)[0].shape[3]
        sitk.WriteImage(sitk.ReadImage(str(folder / CINE)), str(folder / "sa.mhd"))
        (folder / CINE).unlink()
        (raw,) = folder.glob("sa.*raw")
        content, text = raw.read_bytes(), (folder / "sa.mhd").read_text()
        raw.unlink()
        names = [f"data/part{n:02d}.raw" for n in range(frames)] if place == "LIST" else ["data/x"]
        (folder / "data").mkdir()
        size = len(content) // len(names)
        for n, name in enumerate(names):
            (folder / name).write_bytes(content[n * size : (n + 1) * size])
        where = "\n".join(["LIST 3", *names]) if place == "LIST" else names[0]
        (folder / "sa.mhd").write_text(text.replace(raw.name, where))

    return change


def as_nrrd(space: str, kinds: str) -> Change:
    """NRRD as Slicer, teem and others write it.

    Args:
        space: in which its axes are told.
        kinds: of the axes in their order: ``t`` is time, as a list or, in a space with time, an
            axis of it.
    """

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        (folder / CINE).unlink()
        signs = [-1, -1, 1] if space.startswith("left-posterior") else [1, 1, 1]
        timed = space.endswith("time")
        vectors = [
            ",".join(str(v) for v in [*(affine[:3, axis] * signs), *[0] * timed])
            for axis in range(3)
        ]
        words = {axis: f"({vector})" for axis, vector in zip("xyz", vectors, strict=True)}
        words["t"] = "(0,0,0,40)" if timed else "none"
        origin = ",".join(str(v) for v in [*(affine[:3, 3] * signs), *[0] * timed])
        order = ["xyzt".index(axis) for axis in kinds]
        names = ["list" if axis == "t" and not timed else "domain" for axis in kinds]
        lines = [
            "NRRD0005",
            "type: short",
            "dimension: 4",
            f"space: {space}",
            f"sizes: {' '.join(str(image.shape[axis]) for axis in order)}",
            f"space directions: {' '.join(words[axis] for axis in kinds)}",
            f"kinds: {' '.join(names)}",
            "endian: little",
            "encoding: raw",
            f"space origin: ({origin})",
        ]
        voxels = image.transpose(order).astype("<i2").tobytes("F")
        (folder / "sa.nrrd").write_bytes(("\n".join(lines) + "\n\n").encode() + voxels)

    return change


def _nifti(name: str, make: Callable[[np.ndarray, np.ndarray], Any]) -> Change:
    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        nib.save(make(image, affine), folder / name)

    return change


LABEL_FILES = (
    Row(name="label as a pair of header and voxels", change=as_pair(LABEL), right=same()),
    Row(
        name="label_sa_ED.seg.nii.gz",
        change=renamed(LABEL, "label_sa_ED.seg.nii.gz"),
        right=said("did you mean label_sa_ed.nii.gz"),
    ),
    Row(
        name="label_sa_ED.vtk",
        change=renamed(LABEL, "label_sa_ED.vtk"),
        right=said("did you mean label_sa_ed.nii.gz"),
    ),
)
FILES = (
    Row(name="pair of header and voxels", change=as_pair(CINE), right=same()),
    Row(name="Analyze", change=as_analyze, right=refused("left from right")),
    Row(name="SA.NII.GZ", change=renamed(CINE, "SA.NII.GZ"), right=same()),
    Row(name="NIfTI-2", change=_nifti(CINE, nib.Nifti2Image), right=same()),
    Row(name="packed by name alone", change=unpacked, right=refused("sa.nii.gz: not a readable")),
    Row(name="sa.nii beside sa.nii.gz", change=another_beside, right=both(same(), said("sa.nii$"))),
    Row(
        name="forms without a meaning",
        change=header(qform_code=0, sform_code=0),
        # Nobody knows then how the slices lie in the body, and the network sees them turned.
        right=both(same(ecc=0.5, err=4), said("header does not say")),
    ),
    Row(name="no frame distance", change=header(pixdim=[1, 1.8, 1.8, 8, 0, 0, 0, 0]), right=same()),
    Row(
        name="negative voxel sizes",
        change=header(pixdim=[1, -1.8, 1.8, 8, 1, 0, 0, 0]),
        right=same(),
    ),
    Row(name="slope 0", change=header(scl_slope=0, scl_inter=0), right=same()),
    Row(name="slope NaN", change=header(scl_slope=np.nan, scl_inter=np.nan), right=same()),
    Row(
        name="negative slope",
        change=header(scl_slope=-1, scl_inter=0),
        right=doubted("label|ventricle"),
    ),
    Row(name="intensities of 1e-20", change=scaled(1e-23), right=same()),
    Row(name="intensities of 1e12", change=scaled(1e9), right=same()),
    Row(name="intensities of 1e33", change=scaled(1e30), right=refused("Scale them down")),
    Row(
        name="NaN outside the resampled part",
        change=empty_border,
        right=both(same(ecc=0.1, err=0.5), said("NaN along the border")),
    ),
    Row(name="what file managers leave", change=hidden_files, right=same()),
    Row(name="links to itself, to nothing, to the cine", change=linked, right=same()),
    Row(name="MetaImage, voxels in a folder", change=voxels_in("data/"), right=same()),
    Row(name="MetaImage, a file a frame", change=voxels_in("LIST"), right=same()),
    *(
        Row(name=f"NRRD, {space}, {kinds}", change=as_nrrd(space, kinds), right=same())
        for space, kinds in (
            ("left-posterior-superior", "txyz"),
            ("left-posterior-superior", "xyzt"),
            ("right-anterior-superior", "txyz"),
            ("right-anterior-superior-time", "xyzt"),
        )
    ),
)
