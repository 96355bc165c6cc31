"""What quality control needs beside the motion itself: the autoencoder and its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from myomotion.analysis.plausibility_table import PlausibilityTable, read_table
from myomotion.files.paths import file_sha256
from myomotion.losses.plausibility import Plausibility, load_plausibility


@dataclass(kw_only=True)
class QualityControl:
    """What there is to judge motion with.

    Attributes:
        regulariser: R_VAE, or None.
        table: what R_VAE is among well-tracked motions, or None.
        warnings: what is missing, as sentences for the user.
    """

    regulariser: Plausibility | None = None
    table: PlausibilityTable | None = None
    warnings: list[str] = field(default_factory=list)


def load_quality_control(
    vae_weights: str | Path | None, plausibility_table: str | Path | None, spacing: float = 1.5
) -> QualityControl:
    """Load what is there; missing parts are skipped with a warning.

    Args:
        vae_weights: weights of the autoencoder; None or a missing file leaves R_VAE out.
        plausibility_table: see :func:`~myomotion.analysis.plausibility_table.read_table`; None or a
            missing file leaves percentiles out, and so does a table made with other weights.
        spacing: voxel size of the working grid in millimetres.

    Returns:
        Quality control.

    Raises:
        InputError: if a file is there and cannot be used.
    """
    if vae_weights is None or not Path(vae_weights).is_file():
        return QualityControl(
            warnings=[f"R_VAE was not computed: no autoencoder weights at {vae_weights}."]
        )
    regulariser = load_plausibility(vae_weights, spacing)
    if plausibility_table is None or not Path(plausibility_table).is_file():
        warning = f"R_VAE has no percentile: no table at {plausibility_table}."
        return QualityControl(regulariser=regulariser, warnings=[warning])
    table = read_table(plausibility_table)
    if table.weights_sha256 != file_sha256(vae_weights):
        warning = (
            f"R_VAE has no percentile: {Path(plausibility_table).name} was made with other "
            "autoencoder weights. Make it again with python -m tools.training.plausibility_table."
        )
        return QualityControl(regulariser=regulariser, warnings=[warning])
    return QualityControl(regulariser=regulariser, table=table)
