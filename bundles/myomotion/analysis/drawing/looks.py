"""Two looks at a stack: where the heart is in whole slices, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from monai.inferers import Inferer
from scipy import ndimage
from scipy.ndimage import gaussian_filter

from myomotion.analysis.drawing.round import rounded
from myomotion.core.frames_together import parts_of, workers
from myomotion.core.scale_picture import scaled_picture
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.networks.half import has_bfloat16, in_bfloat16

MULTIPLE = 16  # of the sides of what the network sees
SMALLEST_HEART_MM2 = 150.0  # area of all slices together below which nothing was found
SMALLEST_CAVITY_MM2 = 25.0
COVERED_SHARE = 0.7  # of the cavity's border that muscle covers, where a slice has a ring
RIGHT_BESIDE_MM = 6.0  # how far the right ventricle may lie from the left
CENTRAL_MM = 15.0  # from a known middle, within which the heart is
# Virtual walls reach from where blood ends to where fat or lung begins; readers draw both contours
# a little nearer to the middle of the wall. Shares are smoothed over a voxel; the ventricle then
# ends where its share is READ_VENTRICLE, and the cavity is wherever (1.5 - READ_VENTRICLE) / 2
# + READ_CAVITY - 0.5 = 0.305 is exceeded. Chosen on nine hearts (SELECTION of tools.verify.hearts)
# for overlap and mass.
READ_SMOOTHING = 1.0
READ_VENTRICLE, READ_CAVITY = 0.65, 0.38
THINNEST_VOXELS = 2  # of a wall: readers close its ring where an infarct has thinned it
SPREAD = 4  # channel behind those of the classes

Network = Callable[[torch.Tensor], torch.Tensor]


class TwoLooks(Inferer):
    """Draw the ventricles of a stack of whole slices.

    The network sees whole slices first. Where the largest left ventricle of all slices lies, it
    looks again at a square of the size that it was trained on, in several orientations, whose mean
    counts. What does not belong to that heart, and slices without muscle along
    :data:`COVERED_SHARE` of the cavity's border, become background. Contours then lie where readers
    draw them (:func:`as_read`).

    Args:
        spacing: voxel size of the pictures in millimetres.
        size: of the second look, voxels.
        orientations: of the second look: 1 to the eight of a square; more are those eight.
        rings: leave out slices with a wall but without a cavity, as the apex has at end-diastole;
            at end-systole cavities vanish.
        batch_size: the most pictures in one pass.
    """

    def __init__(
        self,
        spacing: float = 1.5,
        size: int = 128,
        orientations: int = 8,
        rings: bool = True,
        batch_size: int = 16,
    ) -> None:
        super().__init__()
        self.spacing = spacing
        self.size = size
        self.orientations = orientations
        self.rings = rings
        self.batch_size = batch_size

    def __call__(
        self, inputs: torch.Tensor, network: Network, *args: object, **kwargs: object
    ) -> torch.Tensor:
        """Draw.

        Args:
            inputs: ``(B, N, H, W)``, the N slices of B stacks, any intensities; or ``(B, 1, H, W)``
                single slices.
            network: ``(n, 1, h, w)`` to logits ``(n, 4, h, w)``.
            args: unused.
            kwargs: unused.

        Returns:
            ``(B, N, 5, H, W)``: shares of the four classes, and in channel :data:`SPREAD` the
            standard deviation of the left ventricle's share over the orientations.
        """
        return torch.stack([self.draw(torch.as_tensor(stack), network) for stack in inputs])

    def draw(
        self,
        pictures: torch.Tensor,
        network: Network,
        center: tuple[float, float] | None = None,
    ) -> torch.Tensor:
        """Draw one stack.

        Args:
            pictures: ``(N, H, W)``.
            network: see :meth:`__call__`.
            center: of the left ventricle in voxels, where it is known, such as that of another
                frame; else it is found.

        Returns:
            ``(N, 5, H, W)``, see :meth:`__call__`; background everywhere where no heart is found.
        """
        known = center is not None
        center = center or self.find(pictures, network)
        if center is None:
            nothing = torch.zeros(len(pictures), SPREAD + 1, *pictures.shape[-2:])
            nothing[:, 0] = 1
            return nothing
        shares = self.at(pictures, network, center)
        codes = shares[:, :SPREAD].argmax(1).numpy()
        heart = _heart_at(codes, center, self.spacing) if known else _largest_heart(codes)
        kept = _kept(codes, heart, self.spacing, self.rings)
        shares[:, 1:SPREAD] *= torch.from_numpy(kept[:, 1:])
        return as_read(shares)

    def find(self, pictures: torch.Tensor, network: Network) -> tuple[float, float] | None:
        """Centre of the left ventricle in whole slices.

        Args:
            pictures: ``(N, H, W)``.
            network: see :meth:`__call__`.

        Returns:
            In voxels; None where no slice shows a ring of muscle about a cavity.
        """
        codes = self.shares(pictures, network, 1)[:, :SPREAD].argmax(1).numpy()
        heart = _largest_heart(codes)
        if heart.sum() * self.spacing**2 < SMALLEST_HEART_MM2:
            return None
        row, column = ndimage.center_of_mass(heart.sum(0))
        return float(row), float(column)

    def at(
        self, pictures: torch.Tensor, network: Network, center: tuple[float, float]
    ) -> torch.Tensor:
        """Draw the heart about a known centre, whatever else looks like one in there.

        Args:
            pictures: ``(N, H, W)``.
            network: see :meth:`__call__`.
            center: in voxels.

        Returns:
            ``(N, 5, H, W)``, background outside the square about the centre.
        """
        first = [round(c - self.size / 2) for c in center]
        last = [f + self.size for f in first]
        before = [max(-f, 0) for f in first]
        after = [max(b - n, 0) for b, n in zip(last, pictures.shape[-2:], strict=True)]
        edges = (before[1], after[1], before[0], after[0])
        around = F.pad(pictures[:, None].float(), edges, mode="replicate")[:, 0]
        rows = slice(first[0] + before[0], last[0] + before[0])
        columns = slice(first[1] + before[1], last[1] + before[1])
        shares = around.new_zeros(len(pictures), SPREAD + 1, *around.shape[-2:]).cpu()
        shares[:, 0] = 1
        shares[:, :, rows, columns] = self.shares(
            around[:, rows, columns], network, self.orientations
        )
        height, width = pictures.shape[-2:]
        return shares[:, :, before[0] : before[0] + height, before[1] : before[1] + width]

    def shares(self, pictures: torch.Tensor, network: Network, orientations: int) -> torch.Tensor:
        """Mean shares of the classes over orientations, and the spread, ``(N, 5, H, W)``.

        Args:
            pictures: ``(N, H, W)``.
            network: see :meth:`__call__`.
            orientations: how many, at most eight.
        """
        size = pictures.shape[-2:]
        with workers() as run:
            scaled = torch.stack(run(scaled_picture, pictures.float()))[:, None]
            lacking = [-n % MULTIPLE for n in size]
            scaled = F.pad(scaled, (0, lacking[1], 0, lacking[0]), mode="replicate")
            ways = list(_orientations())[:orientations]
            parts = parts_of(1, len(pictures), self.batch_size)

            def look(at: tuple[tuple[Network, Network], slice]) -> torch.Tensor:
                (turned, back), part = at
                return back(_pass(turned(scaled[part]), network))[..., : size[0], : size[1]]

            found = run(look, [(way, part) for way in ways for part in parts])
        total, squares = torch.zeros(()), torch.zeros(())
        for first in range(0, len(found), len(parts)):
            own = torch.cat(found[first : first + len(parts)])
            left = own[:, CAVITY] + own[:, MYOCARDIUM]
            total, squares = total + own, squares + left**2
        mean = total / len(ways)
        left = mean[:, CAVITY] + mean[:, MYOCARDIUM]
        spread = (squares / len(ways) - left**2).clamp(min=0).sqrt()
        return torch.cat([mean, spread[:, None]], 1)


def as_read(shares: torch.Tensor) -> torch.Tensor:
    """Shares whose contours are round and lie where readers draw them.

    See :mod:`~myomotion.analysis.drawing.round` and :data:`READ_VENTRICLE`.

    Args:
        shares: ``(N, 5, H, W)``.

    Returns:
        The same shape; the spread stays.
    """
    smoothing = (0, READ_SMOOTHING, READ_SMOOTHING)
    cavity, wall = rounded(shares[:, CAVITY], shares[:, MYOCARDIUM])
    inner = gaussian_filter(cavity.numpy(), smoothing)
    left = gaussian_filter((cavity + wall).numpy(), smoothing)
    ventricle = torch.from_numpy(left + 0.5 - READ_VENTRICLE).clamp(0, 1)
    within = torch.from_numpy(ndimage.grey_erosion(ventricle.numpy(), footprint=_thinnest_wall()))
    cavity = torch.minimum(torch.from_numpy(inner + 0.5 - READ_CAVITY).clamp(0, 1), within)
    cavity = torch.where(torch.from_numpy(inner) > 0.01, cavity, 0.0)
    rest = (shares[:, 0] + shares[:, RIGHT_VENTRICLE]).clamp(min=1e-6)
    right = (1 - ventricle) * shares[:, RIGHT_VENTRICLE] / rest
    return torch.stack(
        [1 - ventricle - right, cavity, ventricle - cavity, right, shares[:, SPREAD]], 1
    )


def _thinnest_wall() -> np.ndarray:
    """What lies within the thinnest wall of a voxel, ``(1, n, n)``: slices are apart."""
    cross = ndimage.generate_binary_structure(2, 1)
    return ndimage.iterate_structure(cross, THINNEST_VOXELS)[None]


def unsure_share(shares: torch.Tensor) -> np.ndarray:
    """How much the orientations disagree about the left ventricle of each slice.

    Args:
        shares: ``(N, 5, H, W)`` from :class:`TwoLooks`.

    Returns:
        ``(N,)``: spread over the ventricle's area; NaN where a slice has none.
    """
    left = (shares[:, CAVITY] + shares[:, MYOCARDIUM]).sum((1, 2))
    inside = (shares[:, SPREAD] * (shares[:, :SPREAD].argmax(1) > 0)).sum((1, 2))
    unsure: np.ndarray = torch.where(left > 1, inside / left, torch.nan).numpy()
    return unsure


def _pass(pictures: torch.Tensor, network: Network) -> torch.Tensor:
    """Shares ``(N, 4, H, W)`` of the classes, in bfloat16 where there are units for it."""
    with torch.no_grad():
        scores = in_bfloat16(network, pictures, has_bfloat16(pictures.device))
    return scores.softmax(1).cpu()


def _orientations() -> Iterator[tuple[Network, Network]]:
    """The eight orientations of a square, each with its way back."""
    for mirrored in (False, True):
        for quarters in range(4):

            def turned(x: torch.Tensor, k: int = quarters, m: bool = mirrored) -> torch.Tensor:
                return torch.rot90(x.flip(-1) if m else x, k, (-2, -1))

            def back(x: torch.Tensor, k: int = quarters, m: bool = mirrored) -> torch.Tensor:
                x = torch.rot90(x, -k, (-2, -1))
                return x.flip(-1) if m else x

            yield turned, back


def _largest_heart(codes: np.ndarray) -> np.ndarray:
    """The left ventricle ``(N, H, W)`` that is largest through all slices: cavity within wall."""
    # A heart has both.
    return _heart(codes, lambda pieces: [pieces[codes == code] for code in (CAVITY, MYOCARDIUM)])


def _heart_at(codes: np.ndarray, center: tuple[float, float], spacing: float) -> np.ndarray:
    """The left ventricle ``(N, H, W)`` about a known middle: what is connected to it there."""
    row, column = (np.arange(n) - c for n, c in zip(codes.shape[1:], center, strict=True))
    central = np.hypot(row[:, None], column[None]) * spacing <= CENTRAL_MM
    return _heart(codes, lambda pieces: [pieces[:, central].ravel()])


def _heart(codes: np.ndarray, parts: Callable[[np.ndarray], Sequence[np.ndarray]]) -> np.ndarray:
    """The connected left ventricle ``(N, H, W)`` of which the smallest part is largest.

    Args:
        codes: ``(N, H, W)``.
        parts: from the pieces by number ``(N, H, W)``, 0 for background, to those of each part.
    """
    left = np.isin(codes, (CAVITY, MYOCARDIUM))
    pieces, count = ndimage.label(left, np.ones((3, 3, 3)))
    sizes = np.min([np.bincount(part, minlength=count + 1) for part in parts(pieces)], axis=0)
    sizes[0] = 0
    return (pieces == int(sizes.argmax())) & left & bool(sizes.any())


def _kept(codes: np.ndarray, heart: np.ndarray, spacing: float, rings: bool) -> np.ndarray:
    """What belongs to the heart, ``(N, 4, H, W)`` by class."""
    kept = np.zeros((len(codes), 4, *codes.shape[1:]), bool)
    for z, own in enumerate(codes):
        pieces, count = ndimage.label(heart[z])
        if not count:
            continue
        largest = pieces == 1 + int(np.bincount(pieces[pieces > 0])[1:].argmax())
        cavity = largest & (own == CAVITY)
        inside = ndimage.binary_fill_holes(largest)
        hollow = cavity.sum() * spacing**2 >= SMALLEST_CAVITY_MM2
        closed = not hollow or _closed_share(own, cavity) >= COVERED_SHARE
        if closed and (hollow or not rings):
            kept[z, CAVITY] = kept[z, MYOCARDIUM] = inside
        kept[z, RIGHT_VENTRICLE] = _right(own, largest, spacing) & ~inside
    return kept


def _closed_share(codes: np.ndarray, cavity: np.ndarray) -> float:
    """Share of the pixels about a cavity that are muscle."""
    around = ndimage.binary_dilation(cavity) & ~cavity
    return float((codes[around] == MYOCARDIUM).mean())


def _right(codes: np.ndarray, left: np.ndarray, spacing: float) -> np.ndarray:
    """The largest piece of the right ventricle beside the left."""
    pieces, count = ndimage.label(codes == RIGHT_VENTRICLE)
    if not count:
        return np.zeros(codes.shape, bool)
    near = ndimage.distance_transform_edt(~left) * spacing <= RIGHT_BESIDE_MM
    touching = np.unique(pieces[near & (pieces > 0)])
    if not len(touching):
        return np.zeros(codes.shape, bool)
    sizes = np.bincount(pieces.ravel())
    largest: np.ndarray = pieces == int(touching[sizes[touching].argmax()])
    return largest
