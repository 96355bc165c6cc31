"""Where results come from: files, parameters and versions."""

from __future__ import annotations

import hashlib
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
from myomotion.files.tables import file_sha256
from myomotion.io.cine import STUDY_FILES
from myomotion.io.source import image_files


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
