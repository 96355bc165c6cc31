"""Ventricles of a cine, drawn by the network that has learned them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import utils

from myomotion.analysis.drawing.closed import without_dark_blood
from myomotion.analysis.drawing.looks import SPREAD, TwoLooks, unsure_share
from myomotion.analysis.grids import Slices, frames_on
from myomotion.analysis.intensity import intensities
from myomotion.core.flow import identity_coordinates, sample
from myomotion.core.frames_together import workers
from myomotion.core.rates import FEWEST_SMOOTHED
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.codes import CAVITY, MYOCARDIUM
from myomotion.networks.ventricles import VentricleNet
from myomotion.networks.weights import load_network

UNSURE = 0.12  # share of a ventricle on which the orientations disagree: to be looked at
FULL_SHARE = 0.95  # of the largest cavity, at which a frame passes for end-diastole
CURVE_SLICES = 7  # the most slices whose cavity is followed over the cycle
HARMONICS = 3  # of the cycle, that its curve is smoothed by


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Ventricles that the network has drawn.

    Attributes:
        label: uint8 ``(X, Y, Z)`` in the internal coding.
        center: of the left ventricle, in voxels of the pictures.
        unsure: share of the left ventricle's area on which the network's orientations disagree,
            for each slice; NaN where a slice has none.
    """

    label: np.ndarray
    center: tuple[float, float]
    unsure: np.ndarray


class VentricleSegmenter:
    """Draws the ventricles of single frames.

    Args:
        weights: of a :class:`~myomotion.networks.ventricles.VentricleNet`.
        device: to work on.
        orientations: see :class:`~myomotion.analysis.drawing.looks.TwoLooks`.

    Raises:
        InputError: see :func:`~myomotion.networks.weights.load_network`.
    """

    def __init__(
        self, weights: str | Path, device: str | torch.device = "cpu", orientations: int = 8
    ) -> None:
        self.orientations = orientations
        self.device = torch.device(device)
        self.network = load_network(weights, VentricleNet).to(self.device).eval()
        # As the pictures that it is given lie in memory, see in_bfloat16.
        utils.convert_conv2d_weight_memory_format(self.network, torch.channels_last)
        self.spacing = float(self.network.trained["spacing"])
        self.size = int(self.network.trained["size"])

    def __call__(
        self,
        volume: np.ndarray,
        spacing: tuple[float, float],
        *,
        rings: bool = True,
        center: tuple[float, float] | None = None,
    ) -> Drawn | None:
        """Draw one frame.

        Args:
            volume: ``(X, Y, Z)``.
            spacing: in-plane voxel size in millimetres.
            rings: see :class:`~myomotion.analysis.drawing.looks.TwoLooks`.
            center: of the left ventricle where it is known, such as that of another frame.

        Returns:
            What was drawn; None where no heart is found.
        """
        grid, pictures = whole_pictures(volume, spacing, self.spacing)
        look = self._look(rings=rings, orientations=self.orientations)
        place = None if center is None else _on_grid(center, grid)
        return drawn_on(grid, look.draw(pictures.to(self.device), self.network, place))

    def cavity_curve(
        self, image: np.ndarray, drawn: Drawn, spacing: tuple[float, float]
    ) -> np.ndarray:
        """Area of the cavity over the cycle, in the slices where it is largest.

        Args:
            image: ``(X, Y, Z, T)``.
            drawn: of one frame.
            spacing: in-plane voxel size in millimetres.

        Returns:
            ``(T,)`` mm^2, the sum over :data:`CURVE_SLICES` slices, smoothed.
        """
        areas = (drawn.label == CAVITY).sum((0, 1))
        slices = np.argsort(areas)[-CURVE_SLICES:]
        frames = image[:, :, slices].reshape(*image.shape[:2], -1)
        grid, pictures = whole_pictures(frames, spacing, self.spacing)
        place = _on_grid(drawn.center, grid)
        look = self._look(rings=False, orientations=1)
        shares = look.at(pictures.to(self.device), self.network, place)
        area = (shares[:, CAVITY] > 0.5).sum((1, 2)).reshape(len(slices), -1).sum(0)
        curve: np.ndarray = area.numpy() * self.spacing**2
        if len(curve) < FEWEST_SMOOTHED:
            return curve
        series = np.fft.rfft(curve)
        series[HARMONICS + 1 :] = 0
        return np.fft.irfft(series, len(curve))

    @staticmethod
    def end_diastole(curve: np.ndarray) -> int:
        """Frame of the largest cavity; the first frame where its cavity is nearly as large.

        Args:
            curve: from :meth:`cavity_curve`.
        """
        largest = int(curve.argmax())
        return 0 if curve[0] >= FULL_SHARE * curve[largest] else largest

    def _look(self, *, rings: bool, orientations: int) -> TwoLooks:
        return TwoLooks(self.spacing, self.size, orientations, rings)


def _on_grid(center: tuple[float, float], grid: WorkingGrid) -> tuple[float, float]:
    """A place in voxels of the pictures in voxels of a grid."""
    row, column = grid.index_of(np.array(center)).tolist()
    return row, column


class TissueShares:
    """Shares of the tissues in every frame of a study, on its working grids.

    Args:
        segmenter: whose network looks; None looks at nothing.
    """

    def __init__(self, segmenter: VentricleSegmenter | None) -> None:
        self.segmenter = segmenter

    def __call__(self, slices: Slices) -> torch.Tensor | None:
        """Cavity, wall and right ventricle as the network sees them.

        Args:
            slices: the study.

        Returns:
            ``(Z, T, 3, size, size)``, 0 to 1, end-diastole first; None without a segmenter.
        """
        segmenter = self.segmenter
        if segmenter is None:
            return None
        look = TwoLooks(segmenter.spacing, segmenter.size, orientations=1)
        with workers() as run:
            own = run(lambda z: self._slice(slices, z, look, segmenter), range(len(slices.grids)))
        return torch.stack(own)

    @staticmethod
    def _slice(
        slices: Slices, z: int, look: TwoLooks, segmenter: VentricleSegmenter
    ) -> torch.Tensor:
        """``(T, 3, size, size)`` of a slice."""
        grid = slices.grids[z]
        wide = replace(grid, size=segmenter.size, spacing=segmenter.spacing)
        # Cut where the registration cuts: what is bright far from the heart moves no contrast.
        scaled = intensities(slices, z).scaled
        pictures = scaled(frames_on(wide, slices.cine, z))
        shares = look.shares(pictures.to(segmenter.device), segmenter.network, 1)
        own = _recentred(shares[:, 1:SPREAD], wide, grid)
        return without_dark_blood(own, scaled(slices.images[z]).to(own))


def _recentred(values: torch.Tensor, wide: WorkingGrid, grid: WorkingGrid) -> torch.Tensor:
    """Maps ``(N, C, h, w)`` of one grid on another with the same centre."""
    index = identity_coordinates([grid.size, grid.size], values.new_zeros(()))
    step = (index - grid.middle) * grid.spacing / wide.spacing
    return sample(values, step + wide.middle)


def whole_pictures(
    volume: np.ndarray, spacing: tuple[float, float], target: float
) -> tuple[WorkingGrid, torch.Tensor]:
    """Whole slices on a square grid of the network's voxel size.

    Args:
        volume: ``(X, Y, N)``.
        spacing: in-plane voxel size in millimetres.
        target: voxel size of the grid.

    Returns:
        The grid, and float32 ``(N, size, size)``.
    """
    size = volume.shape[0], volume.shape[1]
    extent = max(n * s for n, s in zip(size, spacing, strict=True))
    grid = WorkingGrid(
        source_size=size,
        source_spacing=spacing,
        center=((size[0] - 1) / 2, (size[1] - 1) / 2),
        size=int(np.ceil(extent / target)),
        spacing=target,
    )
    slices = np.ascontiguousarray(np.moveaxis(volume, -1, 0)[:, None], dtype=np.float32)
    return grid, grid.to_working(torch.from_numpy(slices))[:, 0]


def drawn_on(grid: WorkingGrid, shares: torch.Tensor) -> Drawn | None:
    """What shares of the classes say on the pictures that they come from.

    Args:
        grid: of the shares.
        shares: ``(Z, 5, size, size)`` from :class:`~myomotion.analysis.drawing.looks.TwoLooks`.

    Returns:
        The ventricles; None without any left ventricle.
    """
    label = grid.to_source(shares[:, :SPREAD]).argmax(1).numpy().astype(np.uint8)
    heart = np.argwhere(np.isin(label, (CAVITY, MYOCARDIUM)).any(0))
    if not len(heart):
        return None
    middle = heart.mean(0)
    return Drawn(
        label=np.moveaxis(label, 0, -1),
        center=(float(middle[0]), float(middle[1])),
        unsure=unsure_share(shares),
    )
