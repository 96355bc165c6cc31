"""Motion of real hearts as diffeomorphic Demons sees it, which no tissue makes."""

from __future__ import annotations

import torch

from myomotion.io.cine import find_studies
from myomotion.transforms.frame_pairs import EndSystolicPairs
from myomotion.transforms.load_cine import LoadCine
from tools.peers.demons import register
from tools.verify.autoencoder.measures import FieldSet


def demons_fields(dataset_dir: str, size: int = 96, spacing: float = 1.5) -> FieldSet:
    """Motion from end-diastole to end-systole of the slices of real cines.

    Args:
        dataset_dir: see :func:`~myomotion.io.cine.find_studies`; the studies have a label at ED.
        size: voxels along each axis of the working grid.
        spacing: its voxel size in millimetres.

    Returns:
        The fields with their walls.

    Raises:
        InputError: for studies that cannot be used.
        ImportError: without SimpleITK.
    """
    load, pairs = LoadCine(size, spacing, need_mask=True), EndSystolicPairs()
    items = [pair for study in find_studies(dataset_dir) for pair in pairs(load(study))]
    fields, masks = [], []
    for item in items:
        moving, reference = item["image"].float().numpy()
        mask = (item["mask"] > 0.5).float()
        fields.append(torch.from_numpy(register(moving, reference, mask[0].numpy(), spacing)))
        masks.append(mask)
    return FieldSet(torch.stack(fields), torch.stack(masks))
