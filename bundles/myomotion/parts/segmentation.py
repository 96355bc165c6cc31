"""What the configurations of the segmentation call; see :mod:`~myomotion.parts.shared`."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import Any

from ignite import distributed as idist

from myomotion.analysis import provenance, ventricles
from myomotion.inferers import studies
from myomotion.io.built_in import cines, slices
from myomotion.io.studies import folders_without_cine as folders_without_cine
from myomotion.networks import ventricles as network
from myomotion.networks import weights
from myomotion.networks.ventricles import VentricleNet
from myomotion.parts.shared import by_section, exits
from myomotion.transforms.contours import without_labels

check_network = exits(network.check_network)
inference_slices = exits(slices.slices)
load_segmenter = exits(ventricles.VentricleSegmenter)
run_parameters = provenance.run_parameters
draw_study = studies.track_study
training_data = by_section(slices.slices)


@exits
def inference_studies(dataset_dir: str | Path | None, **built: Any) -> list[dict[str, object]]:
    """Studies to draw, see :func:`cines.studies`; labels that lie there are not read.

    Args:
        dataset_dir: the user's folder or file, None for built-in virtual cines.
        built: ``cache``, ``preset`` and ``slices`` of the built-in ones.

    Returns:
        Studies without their labels.
    """
    return [without_labels(study) for study in cines.studies(dataset_dir, **built)]


def fills_batches(dataset: Sized, batch_size: int) -> bool:
    """Whether each process has a whole batch, so that it can leave a last, smaller one out.

    Args:
        dataset: of all processes.
        batch_size: of each process.
    """
    return len(dataset) >= batch_size * idist.get_world_size()


@exits
def ventricle_net_of(path: str | Path) -> VentricleNet:
    """The network that weights describe, see :func:`weights.network_of`."""
    return weights.network_of(path, VentricleNet)
