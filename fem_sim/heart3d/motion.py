"""The motion of a simulated ventricle as a file."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.archives import load_archive, save_archive
from fem_sim.heart3d.beat import Beat
from fem_sim.heart3d.strain import function_of


@dataclass(frozen=True, kw_only=True)
class HeartMotion:
    """Where the nodes of a ventricle's wall are over a beat; frame 0 is end-diastole.

    The z axis is the ventricle's, from apex to base.

    Attributes:
        positions: float32 ``(T, n, 3)`` in mm.
        cells: int32 ``(elements, 27)`` node numbers of quadratic hexahedra, in SfePy's order.
        endocardium: int32 ``(faces, 9)`` node numbers of its quadratic faces.
        depth: float32 ``(n,)`` 0 at the endocardium, 1 at the epicardium.
        height: float32 ``(n,)`` 0 at the apex, 1 at the base.
        volume_ml: ``(T,)`` of the cavity.
        pressure_kpa: ``(T,)`` of the cavity.
        tension_kpa: ``(T,)`` of the muscle.
        es_frame: number of the end-systolic frame.
        provenance: how it was made: the heart, its function, versions.
    """

    positions: np.ndarray
    cells: np.ndarray
    endocardium: np.ndarray
    depth: np.ndarray
    height: np.ndarray
    volume_ml: np.ndarray
    pressure_kpa: np.ndarray
    tension_kpa: np.ndarray
    es_frame: int
    provenance: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, beat: Beat, **provenance: Any) -> HeartMotion:
        """The motion of a simulated beat.

        Args:
            beat: the beat.
            provenance: more about its origin.
        """
        mesh = beat.mesh
        return cls(
            positions=beat.positions.astype(np.float32),
            cells=mesh.cells.astype(np.int32),
            endocardium=mesh.loaded.astype(np.int32),
            depth=mesh.depth.astype(np.float32),
            height=mesh.height.astype(np.float32),
            volume_ml=beat.volumes / 1000,
            pressure_kpa=beat.pressures,
            tension_kpa=beat.tensions,
            es_frame=beat.es_frame,
            provenance={
                "heart": beat.heart.record(),
                "c_kpa": beat.model.material.c_kpa,
                "function": function_of(beat).record(),
                "python": platform.python_version(),
                "packages": {name: version(name) for name in ("numpy", "scipy", "sfepy")},
                **provenance,
            },
        )

    def save(self, path: Path | str) -> None:
        """Write a compressed ``.npz`` in one step."""
        save_archive(path, vars(self))

    @classmethod
    def load(cls, path: Path | str) -> HeartMotion:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: naming the file, if it is no such motion.
        """
        return load_archive(
            path,
            lambda es_frame, **content: cls(es_frame=int(es_frame), **content),
            "the motion of a ventricle",
        )
