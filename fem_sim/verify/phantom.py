"""Claims about virtual cines: their true motion explains their images; their cavity shrinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.claims import Claim, at_most, below
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.phantom.render import CineSettings, VirtualCine, render_cine
from fem_sim.population.kinds import KINDS
from fem_sim.population.subjects import VirtualSlice
from fem_sim.verify.rings import round_contours, slices_of_every_kind
from myomotion.core.wall.contours import polygon_area

# Level, end-systolic radii in mm and relative ovalness, cavity area ratio.
RINGS = (
    ("basal", (19.0, 30.0, 0.04), 1.8),
    ("mid", (17.0, 28.0, 0.02), 2.0),
    ("apical", (12.0, 22.0, 0.0), 2.2),
)
LAMBDA_Z, TORSION_DEG = 1.12, 6.0
LIMIT_PERCENT = 1.0
VOXEL_MM, FEWEST_FRAMES, LEVELS_OF_CYCLE = 1.5, 5, 5
RATIO_PERCENT, EJECTION_POINTS = 5.0, 1.0


def phantom_claims(seed: int) -> Iterator[Claim]:
    """Warping frame t by the true field gives the end-diastolic frame, in the wall."""
    heart: list[tuple[str, Any]] = [(level, _cycle(radii, ratio)) for level, radii, ratio in RINGS]
    cine = render_cine(heart, CineSettings(noise=False), np.random.default_rng(seed))
    errors = [warping_errors(cine, z) for z in range(len(heart))]
    moved, still, own = (100 * max(e[k] for e in errors) for k in range(3))
    yield below(
        "virtual cine warped by its true motion: error in the wall",
        moved,
        LIMIT_PERCENT,
        "%",
        f"mean absolute error over the ED slice's intensity range, mean of the frames, worst of "
        f"{len(heart)} levels, noise off; {still:.2f} % without warping; {own:.2f} % of the range "
        "within the wall",
    )


def cavity_claims(seed: int, kinds: Iterable[str] = tuple(KINDS)) -> Iterator[Claim]:
    """The cavity shrinks by the labels of a virtual cine as it does in the finite elements.

    It need not: a cine moves by the simulated field in pixels, and of the kink that motion has at
    the endocardium, where the wall thickens and the cavity shrinks, pixels show a rounded one.

    Args:
        seed: of the population and of what a cine draws.
        kinds: of hearts; the first one of each.
    """
    settings = CineSettings(noise=False, frames=FEWEST_FRAMES, spacing_range=(VOXEL_MM, VOXEL_MM))
    drawn = slices_of_every_kind(seed, 1, "physiological")
    changes: dict[float, str] = {}
    ejections: dict[str, tuple[float, float]] = {}
    for kind in kinds:
        heart: list[tuple[str, Any]] = [
            (one.level, _drawn_cycle(one)) for one in drawn if one.kind == kind
        ]
        cine = render_cine(heart, settings, np.random.default_rng(seed))
        solved, seen = cavity_areas(cine, [cycle for _, cycle in heart])
        ratios = zip(seen[0] / seen[1], solved[0] / solved[1], strict=True)
        changes |= {abs(a / b - 1): f"{kind}, {a:.2f} for {b:.2f}" for a, b in ratios}
        ejections[kind] = _ejection(seen), _ejection(solved)
    worst = max(changes)
    about = "virtual cine, cavity area ratio by its labels against the solver's"
    note = f"worst slice: {changes[worst]}; voxels of {VOXEL_MM:g} mm"
    yield at_most(about, 100 * worst, RATIO_PERCENT, "%", note)
    about = "virtual cine, ejection fraction by its labels against the solver's"
    value = max(abs(seen - true) for seen, true in ejections.values())
    note = ", ".join(f"{kind} {a:.1f} for {b:.1f}" for kind, (a, b) in ejections.items())
    yield at_most(about, value, EJECTION_POINTS, "points", note)


def cavity_areas(cine: VirtualCine, cycles: Sequence[Cycle]) -> tuple[np.ndarray, np.ndarray]:
    """Areas of the cavity at end-diastole and end-systole in mm^2.

    Args:
        cine: virtual cine.
        cycles: that its slices are made of.

    Returns:
        By the solver's endocardium and by the labels of the tissue, ``(2, Z)`` each.
    """
    solved = [[polygon_area(cycle.endo[frame]) for cycle in cycles] for frame in (0, -1)]
    labels = cine.labels[[0, cine.es_frame]]
    return np.array(solved), (labels == 1).sum((2, 3)) * cine.spacing**2


def warping_errors(cine: VirtualCine, level: int) -> tuple[float, float, float]:
    """Mean absolute errors in the end-diastolic wall against the end-diastolic frame.

    Args:
        cine: virtual cine.
        level: slice of it.

    Returns:
        With and without warping over the intensity range of the end-diastolic slice; with warping
        over the range within the wall. Means over all later frames.
    """
    images = cine.images[:, :, level].astype(float)
    first = images[..., 0]
    wall = cine.labels[0, level] == 2
    index = np.argwhere(wall).T
    moved, still = [], []
    for frame in range(1, images.shape[-1]):
        place = index + cine.displacement[frame, level][:, wall] / cine.spacing
        warped = map_coordinates(images[..., frame], place, order=3)
        moved.append(np.abs(warped - first[wall]).mean())
        still.append(np.abs(images[..., frame][wall] - first[wall]).mean())
    error, span = float(np.mean(moved)), float(np.ptp(first))
    return error / span, float(np.mean(still)) / span, error / float(np.ptp(first[wall]))


def _ejection(areas: np.ndarray) -> float:
    start, end = areas.sum(1)
    return float(100 * (1 - end / start))


def _cycle(radii: tuple[float, float, float], ratio: float) -> Cycle:
    parameters = SimulationParameters(area_ratio=ratio, lambda_z=LAMBDA_Z, torsion=TORSION_DEG)
    return simulate_cycle(round_contours(*radii), parameters)


def _drawn_cycle(drawn: VirtualSlice) -> Cycle:
    parameters = replace(drawn.parameters, levels=LEVELS_OF_CYCLE)
    return simulate_cycle(drawn.contours, parameters).with_provenance(shape=drawn.shape)
