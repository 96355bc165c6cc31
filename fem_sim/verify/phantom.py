"""The claim about virtual cines: their true motion explains their images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.claims import Claim, below
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.phantom.render import CineSettings, VirtualCine, render_cine
from fem_sim.verify.rings import round_contours

# Level, end-systolic radii in mm and relative ovalness, cavity area ratio.
RINGS = (
    ("basal", (19.0, 30.0, 0.04), 1.8),
    ("mid", (17.0, 28.0, 0.02), 2.0),
    ("apical", (12.0, 22.0, 0.0), 2.2),
)
LAMBDA_Z, TORSION_DEG = 1.12, 6.0
LIMIT_PERCENT = 1.0


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


def _cycle(radii: tuple[float, float, float], ratio: float) -> Cycle:
    parameters = SimulationParameters(area_ratio=ratio, lambda_z=LAMBDA_Z, torsion=TORSION_DEG)
    return simulate_cycle(round_contours(*radii), parameters)
