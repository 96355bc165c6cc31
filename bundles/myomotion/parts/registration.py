"""What the configurations of the registration call; see :mod:`~myomotion.parts.shared`."""

from __future__ import annotations

from pathlib import Path

import torch

from myomotion.analysis import provenance, quality_control, segmentation
from myomotion.analysis.intervals import calibration
from myomotion.analysis.ventricles import VentricleSegmenter
from myomotion.errors import SettingError
from myomotion.inferers import studies
from myomotion.io.built_in import cines
from myomotion.io.studies import folders_without_cine as folders_without_cine
from myomotion.losses import registration, similarity
from myomotion.networks import pair, weights
from myomotion.networks.described import check_kind
from myomotion.networks.pair import PairNetwork
from myomotion.parts.shared import by_section, exits
from myomotion.report.dicom import write as dicom
from myomotion.transforms import load_cine, refine_motion

load_contours = exits(segmentation.Contours)
check_grid = exits(pair.check_grid)
check_guide = exits(load_cine.check_guide)
load_refinement = exits(refine_motion.load_refinement)
load_dicom_writer = exits(dicom.load_dicom_writer)
load_calibration = exits(calibration.load_calibration)
load_quality_control = exits(quality_control.load_quality_control)
make_regulariser = exits(registration.make_regulariser)
make_similarity = exits(similarity.make_similarity)
inference_studies = exits(cines.studies)
run_parameters = provenance.run_parameters
track_study = studies.track_study
training_data = by_section(cines.cines)


@exits
def check_network(network: object) -> None:
    """Refuse another network than one of registration, see :func:`check_kind`."""
    check_kind(network, PairNetwork)


@exits
def load_segmenter(
    weights: str | Path | None, device: str | torch.device = "cpu"
) -> VentricleSegmenter | None:
    """What draws contours and looks at every frame, loaded once for both.

    Args:
        weights: as ``segmentation_weights`` gives them; None where nothing needs them or there are
            none.
        device: to work on.

    Raises:
        InputError: if the file is not there or holds something else.
    """
    if weights is None:
        return None
    if not Path(weights).is_file():
        raise SettingError(
            f"segmentation_weights is {weights}: no such file. Give the model.pt of the bundle "
            "ventricle_segmentation, or set tissues to false and label_ed to file or none."
        )
    return VentricleSegmenter(weights, device)


@exits
def pair_network_of(path: str | Path) -> PairNetwork:
    """The registration network that weights describe, see :func:`weights.network_of`."""
    return weights.network_of(path, PairNetwork)
