"""Wrong inputs made of right ones: what happens to labels, frames and pictures in practice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from myomotion.core.cycle import FEWEST_FRAMES
from myomotion.io.cine import Cine

Change = Callable[[Cine, np.random.Generator], Cine]
NOISE_SHARE = 0.05  # of the range, in a movie of copies


def moved_label(voxels: tuple[int, int]) -> Change:
    """The label, moved within the slices."""
    return lambda cine, _: _labelled(cine, np.roll(_label(cine), voxels, (0, 1)))


def mirrored_label(axis: int) -> Change:
    """The label, mirrored about the middle of the picture."""
    return lambda cine, _: _labelled(cine, np.flip(_label(cine), axis))


def transposed_label(cine: Cine, _: np.random.Generator) -> Cine:
    """The label with rows for columns, cut or padded to the picture."""
    return _labelled(cine, fitted(_label(cine).transpose(1, 0, 2), cine.image.shape[:3]))


def reversed_slices(cine: Cine, _: np.random.Generator) -> Cine:
    """The label with the apex where the base is."""
    return _labelled(cine, _label(cine)[..., ::-1])


def label_of(other: Cine) -> Change:
    """The label of another patient."""
    return lambda cine, _: _labelled(cine, fitted(_label(other), cine.image.shape[:3]))


def end_systole_first(cine: Cine, _: np.random.Generator) -> Cine:
    """End-systole taken for end-diastole."""
    frames = cine.image.shape[3]
    es_frame = cine.es_frame if cine.es_frame is not None else frames // 3
    return replace(cine, ed_frame=es_frame, es_frame=None)


def static_movie(cine: Cine, _: np.random.Generator) -> Cine:
    """Copies of one frame."""
    return replace(cine, image=np.repeat(_reference(cine), cine.image.shape[3], 3), es_frame=None)


def noisy_copies(cine: Cine, rng: np.random.Generator) -> Cine:
    """Copies of one frame with noise that differs."""
    copies = np.repeat(_reference(cine), cine.image.shape[3], 3)
    noise = rng.normal(0, NOISE_SHARE * np.percentile(copies, 99), copies.shape)
    return replace(cine, image=(copies + noise).astype(np.float32), es_frame=None)


def pure_noise(cine: Cine, rng: np.random.Generator) -> Cine:
    """Noise without a heart."""
    image = np.abs(rng.normal(0, 100, cine.image.shape)).astype(np.float32)
    return replace(cine, image=image, es_frame=None)


def shuffled_frames(cine: Cine, rng: np.random.Generator) -> Cine:
    """Frames after end-diastole in any order."""
    order = np.r_[0, 1 + rng.permutation(cine.image.shape[3] - 1)]
    frames = np.roll(cine.from_ed(cine.image, 3)[..., order], cine.ed_frame, 3)
    return replace(cine, image=frames, es_frame=None)


def slice_out_of_phase(cine: Cine, _: np.random.Generator) -> Cine:
    """The middle slice a third of the cycle late, as where another delay triggers it."""
    image, depth, frames = cine.image.copy(), *cine.image.shape[2:]
    image[:, :, depth // 2] = np.roll(image[:, :, depth // 2], frames // 3, -1)
    return replace(cine, image=image, es_frame=None)


def broken_off(cine: Cine, _: np.random.Generator) -> Cine:
    """Frames of the first half of systole alone."""
    kept = max(FEWEST_FRAMES, cine.image.shape[3] // 5)
    image = np.ascontiguousarray(cine.from_ed(cine.image, 3)[..., :kept])
    return replace(cine, image=image, ed_frame=0, es_frame=None, label_es=None, frame_times_ms=None)


def shuffled_slices(cine: Cine, _: np.random.Generator) -> Cine:
    """Slices of the picture in another order than those of the label."""
    depth = cine.image.shape[2]
    order = np.roll(np.arange(depth), max(1, depth // 2))
    return replace(cine, image=np.ascontiguousarray(cine.image[:, :, order]))


def wrong_spacing(factor: float) -> Change:
    """A header whose voxel size in plane is another."""

    def change(cine: Cine, _: np.random.Generator) -> Cine:
        affine = cine.affine.copy()
        affine[:3, :2] *= factor
        return replace(cine, affine=affine)

    return change


def longer_voxels(factor: float) -> Change:
    """A header whose voxels are longer along the first axis alone."""

    def change(cine: Cine, _: np.random.Generator) -> Cine:
        affine = cine.affine.copy()
        affine[:3, 0] *= factor
        return replace(cine, affine=affine)

    return change


def clipped(share: float) -> Change:
    """Intensities above a share of the bright end, cut off."""

    def change(cine: Cine, _: np.random.Generator) -> Cine:
        top = share * np.percentile(cine.image, 99.5)
        return replace(cine, image=np.minimum(cine.image, top).astype(np.float32), es_frame=None)

    return change


def same_label_twice(cine: Cine, _: np.random.Generator) -> Cine:
    """The end-diastolic label saved as the end-systolic one as well."""
    return replace(cine, label_es=_label(cine).copy(), es_frame=None)


def swapped_contrast(cine: Cine, _: np.random.Generator) -> Cine:
    """Dark blood: the picture's negative."""
    return replace(cine, image=cine.image.max() - cine.image)


def cut_field_of_view(cine: Cine, _: np.random.Generator) -> Cine:
    """Half of the heart outside the picture: what lies there is empty."""
    image = cine.image.copy()
    middle = int(np.argwhere(_label(cine) > 0)[:, 0].mean())
    image[:middle] = 0
    return replace(cine, image=image)


def ghosts(cine: Cine, _: np.random.Generator) -> Cine:
    """Copies of the picture beside itself that beat with it, as strong as half of it."""
    frames = cine.image.shape[3]
    strength = 0.5 * np.sin(2 * np.pi * 3 * np.arange(frames) / frames + 1)
    ghost = np.roll(cine.image, cine.image.shape[1] // 8, 1) * strength
    return replace(cine, image=np.abs(cine.image + ghost).astype(np.float32))


def fitted(label: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A label cut or padded to a picture in plane, its slices taken evenly.

    Args:
        label: ``(A, B, C)``.
        shape: ``(X, Y, Z)``.

    Returns:
        ``(X, Y, Z)``.
    """
    slices = np.linspace(0, label.shape[2] - 1, shape[2]).round().astype(int)
    result = np.zeros(shape, label.dtype)
    rows, columns = (min(a, b) for a, b in zip(label.shape, shape[:2], strict=False))
    result[:rows, :columns] = label[:rows, :columns, slices]
    return result


def _label(cine: Cine) -> np.ndarray:
    assert cine.label_ed is not None
    return cine.label_ed


def _labelled(cine: Cine, label: np.ndarray) -> Cine:
    return replace(cine, label_ed=np.ascontiguousarray(label), label_es=None)


def _reference(cine: Cine) -> np.ndarray:
    return cine.image[..., cine.ed_frame, None]


OF_COURSES = ("frames shuffled", "slice at another phase", "broken off in systole")  # not of pairs
WRONG: Mapping[str, Change] = {
    "label moved by (18, 10) voxels": moved_label((18, 10)),
    "label moved by (-40, -40) voxels": moved_label((-40, -40)),
    "label mirrored along the first axis": mirrored_label(0),
    "label mirrored along the second axis": mirrored_label(1),
    "label transposed": transposed_label,
    "label with its slices reversed": reversed_slices,
    "end-systole taken for end-diastole": end_systole_first,
    "one frame, copied": static_movie,
    "one frame, copied, with noise": noisy_copies,
    "pure noise": pure_noise,
    "frames shuffled": shuffled_frames,
    "slice at another phase": slice_out_of_phase,
    "broken off in systole": broken_off,
    "slices shuffled": shuffled_slices,
    "voxels of half their size": wrong_spacing(0.5),
    "voxels of twice their size": wrong_spacing(2.0),
    "voxels 1.4 times as long along one axis": longer_voxels(1.4),
    "intensities above 0.35 of the bright end cut off": clipped(0.35),
    "one label for both ends of systole": same_label_twice,
    "contrast swapped": swapped_contrast,
    "field of view cut": cut_field_of_view,
    "ghosts": ghosts,
}
