"""Claims about difficult input: what can be solved is solved, what cannot is rejected by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from fem_sim.claims import Claim, at_least
from fem_sim.mechanics.cycle import simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels

RINGS = 300
SOLVED_PERCENT = 99.0
SIZE, SPACING_MM = 96, 1.5
LEVELS, N_CIRC, N_RAD = 5, 32, 3
BORDER_NOISE_VOXELS = 0.5


def robustness_claims(seed: int, rings: int = RINGS) -> Iterator[Claim]:
    """Noisy, thin, small and squashed rings are meshed, inflated and rasterised."""
    rejected: Counter[str] = Counter()
    for number in range(rings):
        rng = np.random.default_rng([seed, number])
        labels, ratio = draw_hard_ring(rng), float(rng.uniform(1.2, 3.0))
        try:
            simulate_cycle(
                contours_from_labels(labels, SPACING_MM),
                SimulationParameters(area_ratio=ratio, levels=LEVELS, n_circ=N_CIRC, n_rad=N_RAD),
                spacing=SPACING_MM,
                size=SIZE,
            )
        except RejectedSliceError as error:
            rejected[error.code] += 1
    reasons = ", ".join(f"{code} {n}" for code, n in sorted(rejected.items())) or "none"
    yield at_least(
        f"{rings} noisy, thin, small, squashed label maps: share solved",
        100 * (1 - rejected.total() / rings),
        SOLVED_PERCENT,
        "%",
        f"{N_CIRC} x {N_RAD} elements, {LEVELS} levels, walls of 2 to 8 voxels before noise of "
        f"+-{BORDER_NOISE_VOXELS} voxel, area ratio 1.2 to 3; rejected: {reasons}",
    )


def rejection_claims() -> Iterator[Claim]:
    """Label maps that show no ring are rejected, each for its own reason."""
    for name, (labels, code) in impossible_maps().items():
        found = rejection_code(labels)
        yield Claim(
            claim=f"rejected: {name}",
            value=float(found == code),
            unit="",
            threshold=">= 1",
            passed=found == code,
            note=f"code {found}, expected {code}",
        )


def rejection_code(labels: np.ndarray) -> str:
    """Code with which a label map is rejected; ``accepted`` if it is not."""
    try:
        contours: Contours = contours_from_labels(labels, SPACING_MM)
        simulate_cycle(contours, SimulationParameters(area_ratio=1.5, levels=2, n_circ=16, n_rad=2))
    except RejectedSliceError as error:
        return error.code
    return "accepted"


def impossible_maps() -> dict[str, tuple[np.ndarray, str]]:
    """Label maps ``(96, 96)`` without one whole ring, and the codes they must be rejected with."""
    offset = np.stack(np.meshgrid(*[np.arange(SIZE) - 47.5] * 2, indexing="ij"))
    radius = np.hypot(*offset)
    ring = np.where(radius <= 18, 2, 0)
    ring[radius <= 12] = 1
    open_ring = ring.copy()
    open_ring[(np.abs(offset[1]) < 6) & (offset[0] > 0)] = 0
    two = ring.copy()
    two[np.hypot(offset[0] - 32, offset[1] - 32) <= 6] = 2
    return {
        "open ring": (open_ring, "no_cavity"),
        "solid disc": (np.where(radius <= 18, 2, 0), "no_cavity"),
        "two components": (two, "components"),
        "contact with the image border": (np.roll(ring, -30, axis=0), "border"),
    }


def draw_hard_ring(rng: np.random.Generator) -> np.ndarray:
    """A ring with rough outlines and a noisy border, as a label map.

    Cavity radius 4 to 18 voxels, squashed by up to a third, wall 2 to 8 voxels with harmonics 2 to
    6 in both outlines; then the border between two labels is moved by up to half a voxel at each
    voxel on its own.

    Args:
        rng: source of randomness.

    Returns:
        ``(96, 96)``: 0 background, 1 cavity, 2 myocardium.
    """
    center = (SIZE - 1) / 2 + rng.uniform(-4, 4, 2)
    offset = np.stack(np.meshgrid(*[np.arange(SIZE)] * 2, indexing="ij")) - center[:, None, None]
    turn = rng.uniform(0, np.pi)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    squash = np.sqrt(1 - rng.uniform(0, 1 / 3))
    long, short = np.tensordot(axes, offset, axes=1)
    angle = np.arctan2(short, long)
    radius = np.hypot(offset[0], offset[1])
    # Radius of the unit-area ellipse in each direction.
    ellipse = 1 / np.hypot(np.cos(angle) * squash, np.sin(angle) / squash)
    inner = rng.uniform(4, 18) * ellipse * (1 + _roughness(rng, angle, 0.03))
    wall = rng.uniform(2, 8) * (1 + np.abs(_roughness(rng, angle, 0.1)))
    noise = rng.uniform(-BORDER_NOISE_VOXELS, BORDER_NOISE_VOXELS, (2, SIZE, SIZE))
    labels = np.where(radius <= inner + wall + noise[0], 2, 0)
    labels[radius <= inner + noise[1]] = 1
    return labels


def _roughness(rng: np.random.Generator, angle: np.ndarray, size: float) -> np.ndarray:
    total = np.zeros_like(angle)
    for order in range(2, 7):
        total += rng.normal(0, size / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    return total
