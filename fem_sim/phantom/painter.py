"""What a material point looks like in a frame: tissue, blood, and how the cavity has closed up."""

from __future__ import annotations

import numpy as np

from fem_sim.phantom.anatomy import MaterialImage, TissueLook
from fem_sim.phantom.closing import closed_share
from fem_sim.phantom.contrast import Acquisition, blood_gain


class Painter:
    """Brightness and label of material points in every frame.

    Args:
        material: end-diastolic image.
        look: of the subject.
        acquisition: of the cine.
        contraction: ``(T,)``, 0 at end-diastole, 1 at end-systole.
    """

    def __init__(
        self,
        material: MaterialImage,
        look: TissueLook,
        acquisition: Acquisition,
        contraction: np.ndarray,
    ) -> None:
        self.material = material
        self.look = look
        self.acquisition = acquisition
        self.contraction = contraction
        self.gain = blood_gain(acquisition, len(contraction))
        phase = 2 * np.pi * np.arange(len(contraction)) / len(contraction)
        start = acquisition.inflow_phase
        self.stream = look.flow * (np.sin(phase + start) - np.sin(start))

    def paint(
        self, frame: int, points: np.ndarray, area: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Brightness ``(N,)``, label of the tissue and label as seen, of ED points in mm.

        Args:
            frame: frame number.
            points: ``(2, N)``, mm.
            area: local area change there, ``(N,)``.
        """
        layers = self.material
        sampled, nearest = _sample(layers, points)
        tissue, blood, share, about, other, flow = sampled
        label = layers.labels.ravel()[nearest]
        closed = share
        if frame > 0:
            closed = np.where(
                label == 1, closed_share(share, about, area, self.look.closing), share
            )
            tissue = tissue * (1 + self.look.through_plane * self.contraction[frame] * other)
            tissue = tissue + 1.1 * self.look.myocardium * (closed - share)
            blood = blood * (1 - closed) / np.maximum(1 - share, 1e-3)
            blood = blood * np.maximum(self.gain[frame] + self.stream[frame] * flow, 0.0)
        seen = np.where((closed > 0.5) & (share <= 0.5) & (label == 1), 2, label).astype(np.uint8)
        return tissue + blood, label, seen


def _sample(material: MaterialImage, points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Bilinear values of the layers at points (2, N) in mm, edge values outside; nearest pixel."""
    index = (points - material.origin[:, None]) / material.spacing
    size = material.tissue.shape[0]
    index = np.clip(index, 0, size - 1 - 1e-6)
    low = index.astype(np.intp)
    part = index - low
    base = low[0] * size + low[1]
    values = []
    for layer in (
        material.tissue,
        material.blood,
        material.share,
        material.neighbourhood,
        material.other,
        material.flow,
    ):
        image = layer.ravel()
        first = image[base] * (1 - part[1]) + image[base + 1] * part[1]
        second = image[base + size] * (1 - part[1]) + image[base + size + 1] * part[1]
        values.append(first * (1 - part[0]) + second * part[0])
    nearest = np.rint(index).astype(np.intp)
    return values, nearest[0] * size + nearest[1]
