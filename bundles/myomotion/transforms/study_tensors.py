"""A tracked study as MONAI's tensors, on the axes of the image that was given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from monai.data import MetaTensor

from myomotion.analysis.drawing.over_time import contour_labels
from myomotion.analysis.motion import WindowMaps
from myomotion.analysis.study import Study
from myomotion.errors import InputError

Maps = list[WindowMaps]


def study_tensor(study: Study, name: str) -> MetaTensor:
    """One result of a study, every frame, in the order of the file.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.
        name: ``image``; ``warped``, frames pulled back to end-diastole; ``jacobian``, area change;
            ``labels``, contours of every frame (1 cavity, 2 myocardium, 3 right ventricle);
            ``displacement``, from end-diastole to each frame; ``inverse``, the way back on each
            frame's points.

    Returns:
        ``(T, X, Y, Z)``, frames in the place of channels, as MONAI loads a 4-D file; of the last
        two ``(T, 3, X, Y, Z)``: millimetres along the axes of the image, zero across slices, so
        that one frame of it, divided by ``pixdim``, is what MONAI's ``Warp`` takes. With the
        image's affine (RAS).

    Raises:
        InputError: for an unknown name, or labels where the study has none.
    """
    if name not in PARTS:
        raise InputError(f"{name!r}: no such part of a result. Give one of {', '.join(PARTS)}.")
    if name == "labels" and study.cine.label_ed is None:
        raise InputError(
            f"{study.cine.name}: no end-diastolic label, so that there are no contours."
        )
    depth = study.cine.image.shape[2]
    maps = [] if name == "image" else [study.motion.on_window(z) for z in range(depth)]
    values = np.ascontiguousarray(PARTS[name](study, maps))
    affine = torch.as_tensor(study.cine.storage.affine.copy())
    return MetaTensor(torch.from_numpy(values), affine=affine)


def _volume(study: Study, parts: list[np.ndarray], maps: Maps, outside: np.ndarray) -> np.ndarray:
    """Maps ``(T, x, y)`` of every slice within ``outside`` ``(X, Y, Z, T)``, on the file's axes."""
    for z, (part, about) in enumerate(zip(parts, maps, strict=True)):
        outside[:, :, z][about.window] = part.transpose(1, 2, 0)
    return _as_file(study, outside)


def _as_file(study: Study, values: np.ndarray) -> np.ndarray:
    return np.moveaxis(study.cine.storage.to_file(values), -1, 0)


def _image(study: Study, maps: Maps) -> np.ndarray:
    return _as_file(study, study.cine.image)


def _warped(study: Study, maps: Maps) -> np.ndarray:
    return _volume(study, [part.warped for part in maps], maps, study.cine.image.copy())


def _jacobian(study: Study, maps: Maps) -> np.ndarray:
    return _volume(study, [m.jacobian for m in maps], maps, np.ones_like(study.cine.image))


def _labels(study: Study, maps: Maps) -> np.ndarray:
    return _as_file(study, contour_labels(study.cine, maps, study.contours))


def _vectors(study: Study, parts: list[np.ndarray], maps: Maps) -> np.ndarray:
    storage, shape = study.cine.storage, study.cine.image.shape
    field = np.zeros((shape[3], 3, *storage.shape), np.float32)
    for axis in range(2):
        along = [part[:, axis] for part in parts]
        values = _volume(study, along, maps, np.zeros(shape, np.float32))
        field[:, storage.order[axis]] = -values if storage.flipped[axis] else values
    return field


def _displacement(study: Study, maps: Maps) -> np.ndarray:
    return _vectors(study, [part.displacement for part in maps], maps)


def _inverse(study: Study, maps: Maps) -> np.ndarray:
    return _vectors(study, [part.inverse for part in maps], maps)


PARTS: dict[str, Callable[[Study, Maps], np.ndarray]] = {
    "image": _image,
    "warped": _warped,
    "jacobian": _jacobian,
    "labels": _labels,
    "displacement": _displacement,
    "inverse": _inverse,
}
