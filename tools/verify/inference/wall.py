"""Claims about the wall's mesh: true motions of hearts of every kind, and motions of a formula."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from fem_sim.claims import Claim, at_most
from fem_sim.mechanics.raster import RasterGrid
from fem_sim.verify.rings import slices_of_every_kind
from myomotion.core.wall.contours import Contours, contours_from_labels, polygon_centroid
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import LAYERS, wall_mesh
from myomotion.core.wall.strain import WallStrain, wall_strain
from tools.verify.inference.elements import (
    PARTS,
    WALL,
    element_strain,
    lattices,
    true_contours,
)

SPACING, SIZE = 1.5, 96
PRESET, STATES = "physiological", 12
SUBJECTS_PER_KIND = 2
WALL_LIMITS = (
    ("err", "Err", 1.0, "points"),
    ("ecc", "Ecc", 0.1, "points"),
    ("jacobian", "J", 0.01, ""),
)
MEAN_LAYER = 0.5
COST_S, COST_FRAMES, COST_LEVELS = 1.0, 30, 3


class TrueSlice(NamedTuple):
    """A simulated slice on a grid.

    Attributes:
        kind: of the heart.
        level: of the slice.
        label: ``(SIZE, SIZE)``, internal codes, at end-diastole.
        contours: of the elements themselves.
        field: ``(2, SIZE, SIZE)``, to end-systole, mm; true in the wall.
        elements: from :func:`~tools.verify.inference.elements.element_strain`.
        start: simulated nodes at end-diastole on the grid, ``(2 n_circ, 2 n_rad + 1, 2)`` in mm.
        end: the same at end-systole; their mean rotation against ``start`` vanishes.
    """

    kind: str
    level: str
    label: np.ndarray
    contours: Contours
    field: np.ndarray
    elements: dict[str, dict[str, float]]
    start: np.ndarray
    end: np.ndarray


@cache
def true_slices(seed: int) -> tuple[TrueSlice, ...]:
    """Slices of hearts of every kind, simulated, somewhere between the pixels of a grid.

    Args:
        seed: of the population and of the places.
    """
    rng = np.random.default_rng(seed)
    made = []
    for part in slices_of_every_kind(seed, SUBJECTS_PER_KIND, PRESET):
        start, end = lattices(part.contours, replace(part.parameters, levels=STATES))
        middle = (SIZE - 1) / 2 * SPACING + rng.uniform(-SPACING, SPACING, 2) / 2
        shift = middle - polygon_centroid(start[:, 0])
        raster = RasterGrid(start + shift, SPACING, SIZE)
        made.append(
            TrueSlice(
                kind=part.kind,
                level=part.level,
                label=raster.labels,
                contours=true_contours(start + shift),
                field=raster.rasterise((end - start)[None])[0],
                elements=element_strain(start, end),
                start=start + shift,
                end=end + shift,
            )
        )
    return tuple(made)


def mesh_strain(contours: Contours, fields: np.ndarray) -> WallStrain:
    """Strain on the mesh between two contours.

    Args:
        contours: mm.
        fields: ``(T, 2, SIZE, SIZE)`` in mm.
    """
    mesh = wall_mesh(contours)
    return wall_strain(mesh, WallField(mesh, SPACING, (SIZE, SIZE)).nodes(fields))


def part_means(strain: WallStrain) -> dict[str, dict[str, float]]:
    """The first frame of a strain as :func:`~tools.verify.inference.elements.element_strain`."""
    rows = strain.area.shape[1]
    layer = np.broadcast_to(np.arange(rows) * len(LAYERS) // rows, strain.area.shape)
    where = {WALL: None} | {name: layer == i for i, name in enumerate(LAYERS)}
    return {
        part: {key: 100 * float(strain.mean(key, where[part])[0]) for key in ("err", "ecc", "erc")}
        | {"jacobian": float(strain.mean("jacobian", where[part])[0])}
        for part in PARTS
    }


def true_field_claims(seed: int) -> Iterator[Claim]:
    """Strain on the mesh from true fields, against the elements' own."""
    slices = true_slices(seed)
    by_elements = [mesh_strain(s.contours, s.field[None]) for s in slices]
    by_label = [mesh_strain(contours_from_labels(s.label, SPACING), s.field[None]) for s in slices]
    name = "true fields of hearts of every kind"
    exact, labelled = (_Errors(slices, strains) for strains in (by_elements, by_label))
    for source, errors in (("contours known", exact), ("contours of the label", labelled)):
        for key, symbol, limit, unit in WALL_LIMITS:
            gaps = errors.of(WALL, key)
            title = f"{name}, {source}: {symbol}, mean error"
            yield at_most(title, float(np.abs(gaps).mean()), limit, unit, errors.note(gaps))
    for layer in LAYERS:
        gaps = labelled.of(layer, "ecc")
        title = f"{name}: Ecc of the {layer} layer, mean error"
        yield at_most(title, float(np.abs(gaps).mean()), MEAN_LAYER, "points", labelled.note(gaps))
    wrong = [
        f"{s.kind}, {s.level}"
        for found, s in zip(labelled.found, slices, strict=True)
        if not abs(found["endo"]["ecc"]) > abs(found["mid"]["ecc"]) > abs(found["epi"]["ecc"])
    ]
    title = f"{name}: slices where |Ecc| does not fall from endo over mid to epi"
    yield at_most(title, len(wrong), 0, "", "; ".join(wrong) or f"of {len(slices)}")
    yield _cost(slices)


class _Errors:
    """Errors of strains on the mesh against those of the elements."""

    def __init__(self, slices: Sequence[TrueSlice], strains: Sequence[WallStrain]) -> None:
        self.slices = slices
        self.found = [part_means(strain) for strain in strains]

    def of(self, part: str, key: str) -> np.ndarray:
        """``(slices,)``."""
        pairs = zip(self.found, self.slices, strict=True)
        return np.array([found[part][key] - s.elements[part][key] for found, s in pairs])

    def note(self, gaps: np.ndarray) -> str:
        """Bias, and where the error is largest."""
        worst = self.slices[int(np.abs(gaps).argmax())]
        return (
            f"{len(gaps)} slices, bias {gaps.mean():+.3f}, "
            f"largest {np.abs(gaps).max():.3f} ({worst.kind}, {worst.level})"
        )


def _cost(slices: tuple[TrueSlice, ...]) -> Claim:
    """Processor time of the strain of a study."""
    levels = slices[:COST_LEVELS]
    fields = [np.repeat(s.field[None], COST_FRAMES, axis=0) for s in levels]
    start = time.process_time()
    for part, field in zip(levels, fields, strict=True):
        mesh_strain(contours_from_labels(part.label, SPACING), field)
    used = time.process_time() - start
    note = f"{COST_LEVELS} levels x {COST_FRAMES} frames, contours, mesh and strain, processor time"
    return at_most("strain on the mesh, cost", used, COST_S, "s", note)
