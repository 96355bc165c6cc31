"""How ventricles move: principal modes of displacement in heart coordinates.

Displacements are taken along the circumferential, longitudinal and radial direction of a cylinder
about the axis, in units of the ventricle's size, and split into waves around the axis. Those of one
order have modes of their own, so that a heart that is turned about its axis has the same ones: what
is learned of a scar at one angle holds at all.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS, cylinder_directions
from myomotion.errors import InputError, SettingError
from myomotion.files.atomic import write_bytes
from myomotion.files.tables import json_text

SHIPPED = Path(__file__).with_name("modes.npz")
SLENDERNESS = 3.5  # length over radius: brings longitudinal units to the size of the others
RIGID_MM, RIGID_ALONG_MM, RIGID_DEGREES = 3.0, 0.3, 3.0  # spread of what the whole heart does


@dataclass(frozen=True, kw_only=True, eq=False)
class HeartModes:
    """Principal modes.

    Attributes:
        fields: for each order of waves complex ``(modes, heights, depths, 3)``, circumferential,
            longitudinal and radial; real for order 0.
        spreads: for each order ``(modes,)``, root of the mean squared coefficient.
        provenance: how they were made.
    """

    fields: tuple[np.ndarray, ...]
    spreads: tuple[np.ndarray, ...]
    provenance: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write an ``.npz`` in one step, under the very name that is given."""
        content: dict[str, Any] = {"provenance": np.array(json_text(self.provenance))}
        for order, (field, spread) in enumerate(zip(self.fields, self.spreads, strict=True)):
            kind = np.float32 if order == 0 else np.complex64
            content[f"fields_{order}"] = field.astype(kind)
            content[f"spreads_{order}"] = spread.astype(np.float32)
        file = io.BytesIO()  # numpy adds .npz to a name that lacks it
        np.savez_compressed(file, **content)
        write_bytes(path, file.getvalue())

    @classmethod
    def load(cls, path: Path = SHIPPED) -> HeartModes:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: naming the file, if it is no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                orders = sum(name.startswith("fields_") for name in archive.files)
                return cls(
                    fields=tuple(archive[f"fields_{k}"] for k in range(orders)),
                    spreads=tuple(archive[f"spreads_{k}"] for k in range(orders)),
                    provenance=json.loads(str(archive["provenance"])),
                )
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise InputError(
                f"{path}: no modes of hearts ({error}). Make them with python -m fem_sim modes3d."
            ) from error

    def basis(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Displacements of a heart that the modes and rigid motions stand for.

        Args:
            positions: ``(heights, angles, depths, 3)`` at end-diastole in mm.

        Returns:
            ``(heights, angles, depths, 3, M)`` in mm, and the spreads of their coefficients
            ``(M,)``.
        """
        columns, spreads = [], []
        for order, (field, spread) in enumerate(zip(self.fields, self.spreads, strict=True)):
            wave = np.exp(1j * order * ANGLES)
            moved = field[:, :, None] * wave[:, None, None]
            columns.append(moved.real)
            spreads.append(spread)
            if order:
                columns.append(-moved.imag)
                spreads.append(spread)
        local = np.concatenate(columns) * sizes(positions)
        turned = np.einsum("aij,mhadj->hadim", cylinder_directions(), local, optimize=True)
        rigid, rigid_spreads = _rigid(positions)
        return (
            np.concatenate([turned, rigid], axis=-1),
            np.concatenate([*spreads, rigid_spreads]).astype(float),
        )


@lru_cache
def shipped_modes() -> HeartModes:
    """The modes that come with the package."""
    return HeartModes.load()


def sizes(positions: np.ndarray) -> np.ndarray:
    """What displacements along the three directions are measured in, ``(3,)`` mm.

    Args:
        positions: ``(heights, angles, depths, 3)`` at end-diastole.
    """
    inner = positions[:, :, 0]
    middle = inner[..., :2].mean(1, keepdims=True)
    radius = np.sqrt(((inner[..., :2] - middle) ** 2).sum(-1).mean(1).max())
    length = np.ptp(inner[..., 2].mean(1))
    return np.array([radius, length / SLENDERNESS, radius])


def learn_modes(
    hearts: list[tuple[np.ndarray, int]],
    counts: tuple[int, ...],
    provenance: dict[str, Any],
) -> HeartModes:
    """Principal modes of hearts.

    The mean is not taken off: the first mode is how hearts beat on the whole, and its coefficient
    how much one does.

    Args:
        hearts: positions ``(T, heights, angles, depths, 3)`` over a beat, frame 0 end-diastole, and
            the end-systolic frame.
        counts: modes of each order of waves.
        provenance: noted with them.

    Raises:
        SettingError: for counts of modes or of orders that there cannot be.
    """
    orders = len(ANGLES) // 2 + 1
    if len(counts) > orders:
        raise SettingError(f"counts: {len(counts)} orders of waves. Give at most {orders}.")
    back = cylinder_directions()
    waves = []
    for positions, _ in hearts:
        moved = np.einsum("thadj,aji->thadi", positions[1:] - positions[0], back)
        local = moved / sizes(positions[0])
        waves.append(np.fft.rfft(local, axis=2)[:, :, : len(counts)] / len(ANGLES))
    fields, spreads = [], []
    for order, count in enumerate(counts):
        factor = 1.0 if order == 0 else 2.0
        data = [factor * wave[:, :, order] for wave in waves]
        flat: np.ndarray = np.concatenate(data).reshape(-1, len(HEIGHTS) * len(DEPTHS) * 3)
        flat = flat.real if order == 0 else flat  # the mean around has no phase
        if not 0 <= count <= min(flat.shape):
            raise SettingError(
                f"counts: {count} modes of order {order}. Give 0 to {min(flat.shape)}, as many as "
                "these hearts can have."
            )
        vectors = np.linalg.svd(flat, full_matrices=False)[2][:count]
        most = [
            np.abs(one.reshape(len(one), -1) @ vectors.conj().T).max(0) for one in data
        ]  # of every heart, over its beat
        spread = np.sqrt(np.mean(np.square(most), axis=0))
        fields.append(vectors.reshape(count, len(HEIGHTS), len(DEPTHS), 3))
        # Half of a complex coefficient's square is that of each of its parts.
        spreads.append(spread if order == 0 else spread / np.sqrt(2))
    return HeartModes(fields=tuple(fields), spreads=tuple(spreads), provenance=provenance)


def _rigid(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Translations and small turns about the middle, ``(heights, angles, depths, 3, 6)``."""
    offset = positions - positions.reshape(-1, 3).mean(0)
    parts = [np.broadcast_to(unit, offset.shape) for unit in np.eye(3)]
    parts += [np.cross(unit, offset) for unit in np.eye(3)]
    turn = np.deg2rad(RIGID_DEGREES)
    spreads = np.array([RIGID_MM, RIGID_MM, RIGID_ALONG_MM, turn, turn, turn])
    return np.stack(parts, axis=-1), spreads
