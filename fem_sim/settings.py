"""What the user chooses about a data set of simulated cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fem_sim.mechanics.materials.registry import NeoHookean, material_named
from fem_sim.population.dynamics import check_preset
from myomotion.io.codes import coding_table

PHASES = ("ES", "ED")


@dataclass(frozen=True, kw_only=True)
class DatasetSettings:
    """What is simulated, from what, and how.

    Attributes:
        preset: ``paper`` or ``physiological``, see
            :func:`fem_sim.population.subjects.draw_subject`.
        material: of the wall, a key of :data:`fem_sim.mechanics.materials.registry.MATERIALS`.
        count: slices of the virtual population, three a subject.
        seed: of everything drawn.
        sources: label maps or folders of them, instead of the virtual population.
        coding: label coding of the sources, see :func:`myomotion.io.cine.read_cine`.
        phase: cardiac phase of the sources, ``ES`` or ``ED``; rings at ED are unloaded first
            (:func:`fem_sim.mechanics.unload.unload`), with springs on the epicardium.
        ratio: cavity area ratio ED / ES for all sources; by default it is measured where the
            other phase lies beside a source, and drawn from the population's where not.
        grid: frame that the fields refer to, ``ED`` or ``ES``.
        levels: pressures of a cycle.
    """

    preset: str = "paper"
    material: str = NeoHookean.name
    count: int = 60
    seed: int = 0
    sources: Sequence[Path | str] = ()
    coding: str | None = None
    phase: str = "ES"
    ratio: float | None = None
    grid: str = "ED"
    levels: int = 50

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, or nothing together."""
        check_preset(self.preset)
        material_named(self.material)
        if self.count < 1:
            raise ValueError(f"count is {self.count}; it must be at least 1.")
        if self.levels < 2:
            raise ValueError(f"levels is {self.levels}; a cycle has at least 2 pressures.")
        for name in ("phase", "grid"):
            if getattr(self, name) not in PHASES:
                raise ValueError(f"{name} {getattr(self, name)!r} is unknown; use ES or ED.")
        if self.sources and self.coding is None:
            raise ValueError("label sources need a coding; pass --coding.")
        if self.coding not in (None, "auto"):
            coding_table(self.coding)
        if self.ratio is not None and not self.sources:
            raise ValueError(
                "ratio applies to label sources; the virtual population draws its own."
            )
        if self.ratio is not None and not 1.0 < self.ratio <= 8.0:
            raise ValueError(
                f"ratio is {self.ratio}; cavity area ED / ES lies above 1 and up to 8."
            )

    def record(self) -> dict[str, Any]:
        """What decides on a cycle, ready for JSON; the count does not, so a folder may grow."""
        # Folders from before there was a choice of materials go on.
        material = {} if self.material == NeoHookean.name else {"material": self.material}
        return {
            "preset": self.preset,
            "seed": self.seed,
            "sources": [str(source) for source in self.sources],
            "coding": self.coding,
            "phase": self.phase,
            "ratio": self.ratio,
            "grid": self.grid,
            "levels": self.levels,
            **material,
        }
