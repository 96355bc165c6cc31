"""Where results come from: files, parameters and versions."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import monai
import nibabel as nib
import numpy as np
import torch

from myomotion import __version__
from myomotion.analysis.segmentation import weights_file
from myomotion.errors import OutputError
from myomotion.files.paths import file_sha256
from myomotion.io.cine import STUDY_FILES
from myomotion.io.source import image_files

GIVEN_FRAMES = ("ed_frame", "es_frame")


def input_hashes(study: Mapping[str, object]) -> dict[str, str]:
    """SHA-256 of every part of a study; of one in several files, of their names and sums.

    Args:
        study: ``image`` and optionally ``label_ed``, ``label_es``, ``info``, as paths.

    Returns:
        The same keys; what does not exist is left out.
    """
    return {
        key: _sha256(Path(str(study[key])))
        for key in STUDY_FILES
        if study.get(key) and Path(str(study[key])).exists()
    }


def _sha256(path: Path) -> str:
    files = image_files(path)
    if files == [path]:
        return file_sha256(path)
    folder = path if path.is_dir() else path.parent
    sums = [f"{p.relative_to(folder).as_posix()} {file_sha256(p)}\n" for p in files]
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def run_parameters(
    files: Mapping[str, str | Path | None] | None = None,
    *,
    segmentation_bundle: str | Path | None = None,
    trained: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Everything but the study that a result depends on, as a JSON object.

    Args:
        files: weights and tables by name; noted by their SHA-256, None for a missing one.
        segmentation_bundle: folder whose weights are noted in the same way.
        trained: what the network's weights say that they are for.
        settings: numbers and texts.

    Returns:
        ``trained``, ``settings``, one entry ``NAME_sha256`` for each file, and ``version``.
    """
    named = dict(files or {})
    if segmentation_bundle is not None:
        named["segmentation_bundle"] = weights_file(segmentation_bundle)
    hashes = {
        f"{name}_sha256": file_sha256(path) if path and Path(path).is_file() else None
        for name, path in named.items()
    }
    return {**(trained or {}), **settings, **hashes, "version": __version__}


def study_parameters(parameters: Mapping[str, Any], study: Mapping[Any, object]) -> dict[str, Any]:
    """What the result of one study depends on, its files aside.

    Args:
        parameters: from :func:`run_parameters`.
        study: its frames of end-diastole and end-systole count where they were given with it.

    Returns:
        The parameters and those frames.
    """
    return {**parameters, **{key: study[key] for key in GIVEN_FRAMES if key in study}}


def read_summary(folder: Path) -> dict[str, Any] | None:
    """``summary.json`` of a finished study.

    Args:
        folder: of the study.

    Returns:
        Its content; None if there is none that can be read.
    """
    try:
        content = json.loads((folder / "summary.json").read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def refuse_other_cine(folder: Path, image: str | Path, sha256: str | None = None) -> None:
    """Refuse a place for results where the result of another cine is.

    Args:
        folder: of the study.
        image: the cine; one that has been moved is the same.
        sha256: from :func:`input_hashes`, where it is known.

    Raises:
        OutputError: naming both and the fix.
    """
    summary = read_summary(folder) or {}
    files, sums = summary.get("files"), summary.get("input_sha256")
    if not isinstance(files, dict) or not isinstance(sums, dict) or "image" not in files:
        return
    earlier, now = Path(str(files["image"])), Path(image).resolve()
    # What was given relative to a folder may lie anywhere: the same ending is the same place.
    ending = now.parts[-len(earlier.parts) :]
    if earlier.resolve() == now or (not earlier.is_absolute() and ending == earlier.parts):
        return
    if sums.get("image") != (sha256 or input_hashes({"image": now}).get("image")):
        raise OutputError(
            f"{folder}: holds the result of another cine, {earlier}. Choose another output_dir for "
            f"{image}, or move the result away."
        )


def versions() -> dict[str, str]:
    """Versions of what computed."""
    return {
        "myomotion": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "monai": monai.__version__,
        "numpy": np.__version__,
        "nibabel": nib.__version__,
    }
