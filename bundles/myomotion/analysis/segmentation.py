"""End-diastolic labels from a network, where a study has none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import ResizeWithPadOrCrop, ScaleIntensity
from scipy import ndimage

from myomotion.analysis.drawing.looks import COVERED_SHARE
from myomotion.analysis.ventricles import UNSURE, Drawn, VentricleSegmenter
from myomotion.errors import InputError
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.io.pictures.end_diastole import FIRST, NOT_GIVEN
from myomotion.networks.weights import load_state

CHOICES = ("auto", "file", "none")
DRAWN = "drawn by ventricle_segmentation"
NONE_SEEN = "none: ventricle_segmentation saw no left ventricle"
NO_WEIGHTS = (
    "No label, and none was drawn: there are no weights of ventricle_segmentation. Give "
    "label_sa_ED.nii.gz beside the cine, or set segmentation_weights."
)
CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
# Words of a channel's name, and what it then is; the first that fits counts.
MEANINGS = (
    (("background",), 0),
    (("myo", "wall"), MYOCARDIUM),
    (("rv", "right"), RIGHT_VENTRICLE),
    (("lv", "left", "cavity"), CAVITY),
)


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """The network of a segmentation bundle.

    Attributes:
        title: name and version of the bundle, and what its weights were read as.
        network: ``(N, 1, H, W)`` to ``(N, C, H, W)``.
        size: ``(H, W)``.
        codes: label in the internal coding of each of the C channels.
    """

    title: str
    network: Callable[[torch.Tensor], torch.Tensor]
    size: tuple[int, int]
    codes: np.ndarray

    def __call__(self, volume: np.ndarray) -> np.ndarray:
        """Label the slices of a volume one by one.

        Each slice is scaled to 0 to 1 and padded or cropped about its middle to the network's
        size; its voxels are not resampled. Of the left ventricle the largest piece is kept.

        Args:
            volume: ``(X, Y, Z)``.

        Returns:
            uint8 ``(X, Y, Z)`` in the internal coding.
        """
        label = np.zeros(volume.shape, np.uint8)
        fit = ResizeWithPadOrCrop(self.size)
        for z in range(volume.shape[2]):
            picture = torch.from_numpy(np.ascontiguousarray(volume[None, :, :, z]))
            fitted: Any = fit(MetaTensor(ScaleIntensity()(picture)))  # remembers what was padded
            with torch.no_grad():
                scores = self.network(fitted.as_tensor().float()[None])
            codes = torch.from_numpy(self.codes[scores[0].argmax(0).numpy()])[None]
            traced = MetaTensor(codes, applied_operations=fitted.applied_operations)
            label[..., z] = fit.inverse(traced)[0].numpy()
            ventricle = np.isin(label[..., z], (CAVITY, MYOCARDIUM))
            pieces, count = ndimage.label(ventricle)
            if count > 1:
                largest = 1 + int(np.bincount(pieces[ventricle])[1:].argmax())
                label[..., z][ventricle & (pieces != largest)] = 0
        return label


class Contours:
    """Where the end-diastolic label of a study comes from.

    Args:
        label_ed: ``auto``: the study's own label, else one that a network draws; ``file``: its own
            or none; ``none``: none, even if there is one.
        segmenter: draws it; without one, ``auto`` draws nothing and says so.
        bundle: folder of another segmentation bundle, which then draws in its place.

    Raises:
        InputError: for another ``label_ed``.
    """

    def __init__(
        self,
        label_ed: str = "file",
        segmenter: VentricleSegmenter | None = None,
        bundle: str | Path | None = None,
    ) -> None:
        if label_ed not in CHOICES:
            raise InputError(f"label_ed: {label_ed!r} is unknown. Use one of {', '.join(CHOICES)}.")
        self.label_ed = label_ed
        self.segmenter = segmenter
        self.bundle = bundle

    def __call__(self, cine: Cine) -> Cine:
        """The study with the label that it is to be measured with.

        Raises:
            InputError: if the bundle cannot be used.
        """
        if self.label_ed == "none":
            return replace(cine, label_ed=None, label_found=None)
        if self.label_ed == "file" or cine.label_ed is not None:
            return cine
        if self.bundle is not None:
            return _labelled_by_bundle(cine, Path(self.bundle))
        if self.segmenter is None:
            return replace(cine, warnings=[*cine.warnings, NO_WEIGHTS])
        return _labelled(cine, self.segmenter)


def _labelled(cine: Cine, segmenter: VentricleSegmenter) -> Cine:
    """A study with the label that the network of this project draws."""
    drawn = segmenter(cine.image[..., cine.ed_frame], cine.spacing)
    if drawn is None:
        note = (
            "No label, and the network found no left ventricle in any slice at end-diastole. Is it "
            "a stack of short-axis slices? Strain needs label_sa_ED.nii.gz beside the cine."
        )
        return replace(cine, label_found=NONE_SEEN, warnings=[*cine.warnings, note])
    notes = [
        "The end-diastolic contours were drawn by a network that has learned from virtual hearts: "
        "check them in the report, or correct label_sa_ED.nii.gz and give it back beside the cine."
    ]
    if cine.ed_found != "given" and cine.image.shape[3] > 2:
        curve = segmenter.cavity_curve(cine.image, drawn, cine.spacing)
        cine, drawn = at_fullest(cine, drawn, curve, segmenter)
    without = [name for name, v in zip(cine.levels, drawn.unsure, strict=True) if np.isnan(v)]
    if without:
        notes.append(
            f"No cavity with muscle along {100 * COVERED_SHARE:.0f} % of its border was seen in "
            f"{', '.join(without)}: left out. Slices that are open by less are drawn, and count "
            "for volumes, not for strain."
        )
    unsure = [name for name, v in zip(cine.levels, drawn.unsure, strict=True) if v > UNSURE]
    if unsure:
        notes.append(f"The network is unsure of the contours in {', '.join(unsure)}.")
    return replace(
        cine,
        label_ed=drawn.label,
        label_found=DRAWN,
        label_unsure=drawn.unsure,
        warnings=[*cine.warnings, *notes],
    )


def at_fullest(
    cine: Cine, drawn: Drawn, curve: np.ndarray, segmenter: VentricleSegmenter
) -> tuple[Cine, Drawn]:
    """A study whose end-diastole nobody gave, with the frame in which the drawn cavity is largest.

    What the cavity says goes before what the brightness of the heart said.

    Args:
        cine: the study.
        drawn: contours of its frame that passes for end-diastole.
        curve: from :meth:`VentricleSegmenter.cavity_curve`.
        segmenter: draws those of another frame.

    Returns:
        Study and contours of its end-diastole.
    """
    fullest = segmenter.end_diastole(curve)
    if fullest == cine.ed_frame:
        return cine, drawn
    again = segmenter(cine.image[..., fullest], cine.spacing)
    if again is None:
        return cine, drawn
    found, notes = FIRST, [note for note in cine.warnings if not note.startswith(NOT_GIVEN)]
    if fullest != 0:
        found = "frame of the largest cavity that the network draws"
        notes.append(
            f"{NOT_GIVEN}: frame {fullest} was taken, the {found}. Give ed_frame in info.json."
        )
    return replace(cine, ed_frame=fullest, ed_found=found, warnings=notes), again


def _labelled_by_bundle(cine: Cine, bundle: Path) -> Cine:
    """A study with the label that another bundle's network draws."""
    segmenter = load_segmenter(bundle)
    label = segmenter(cine.image[..., cine.ed_frame])
    if not (label == MYOCARDIUM).any():
        note = f"No label: {segmenter.title} found no myocardium at end-diastole."
        return replace(cine, warnings=[*cine.warnings, note])
    note = (
        f"The end-diastolic labels were drawn by a network ({segmenter.title}): check the contours."
    )
    source = f"network: {segmenter.title}"
    return replace(cine, label_ed=label, label_found=source, warnings=[*cine.warnings, note])


def weights_file(bundle: str | Path | None) -> Path | None:
    """Weights of a bundle: its state dict, else its TorchScript.

    Args:
        bundle: folder, or None.

    Returns:
        ``models/model.pt`` or ``models/model.ts``; the first where neither is there, None without
        a bundle.
    """
    if bundle is None:
        return None
    plain, script = (Path(bundle) / "models" / name for name in ("model.pt", "model.ts"))
    return script if script.is_file() and not plain.is_file() else plain


def load_segmenter(bundle: Path) -> Segmenter:
    """Load a bundle for 2-D slices of short-axis MRI, such as ``ventricular_short_axis_3label``.

    Of its inference configuration ``network_def`` is used; the meaning of its channels and the size
    of its input come from ``network_data_format`` in its metadata. A configuration is code: use
    bundles whose origin is known.

    Args:
        bundle: folder of a downloaded bundle, with ``configs`` and ``models``.

    Returns:
        Its network, on the processor.

    Raises:
        InputError: if a part is missing or the network is of another kind.
    """
    metadata_path = bundle / "configs" / "metadata.json"
    try:
        metadata = json.loads(metadata_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{metadata_path}: not readable ({error}). Set segmentation_bundle to the folder of a "
            "downloaded MONAI bundle."
        ) from error
    size, codes = _data_format(metadata_path, metadata)
    path = weights_file(bundle)
    assert path is not None
    kind = ""
    if path.suffix == ".ts":
        network, kind = _script(path), ", TorchScript"
    else:
        network = load_state(_network(bundle), path).eval()
    name, version = metadata.get("name", bundle.name), metadata.get("version", "?")
    return Segmenter(
        title=f"{name} {version}{kind}", network=network, size=(size[0], size[1]), codes=codes
    )


def _data_format(path: Path, metadata: Mapping[str, Any]) -> tuple[list[int], np.ndarray]:
    try:
        data = metadata["network_data_format"]
        image, pred = data["inputs"]["image"], data["outputs"]["pred"]
        channels = {int(k): str(v) for k, v in pred["channel_def"].items()}
        size, inputs = [int(n) for n in image["spatial_shape"]], int(image["num_channels"])
        names = [channels[i] for i in range(int(pred["num_channels"]))]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: network_data_format does not say the input's spatial_shape and num_channels "
            f"and the meaning of the output's channels ({error!r}). Use another bundle."
        ) from error
    if inputs != 1 or len(size) != 2:
        raise InputError(
            f"{path}: the network takes {inputs} channels of {len(size)}-D images, expected one of "
            "2-D slices. Use a bundle for single slices."
        )
    codes = [_meaning(path, name) for name in names]
    if MYOCARDIUM not in codes or CAVITY not in codes:
        raise InputError(
            f"{path}: the channels are {', '.join(names)}; expected a left-ventricular cavity and "
            "a myocardium among them. Use a bundle for the left ventricle."
        )
    return size, np.array(codes, np.uint8)


def _meaning(path: Path, name: str) -> int:
    for words, code in MEANINGS:
        if any(word in name.lower() for word in words):
            return code
    raise InputError(
        f"{path}: channel '{name}' is none of background, LV cavity, myocardium, RV cavity. Use a "
        "bundle with these classes."
    )


def _network(bundle: Path) -> torch.nn.Module:
    configs = [bundle / "configs" / name for name in CONFIGS]
    path = next((p for p in configs if p.is_file()), None)
    if path is None:
        raise InputError(f"{bundle}: no configs/{' or '.join(CONFIGS)}. Download the bundle again.")
    parser = ConfigParser()
    try:
        parser.read_config(str(path))
        parser["bundle_root"] = str(bundle)
        network = parser.get_parsed_content("network_def")
    except Exception as error:  # whatever its configuration runs into
        raise InputError(
            f"{path}: network_def cannot be made ({error}). Use a bundle that this MONAI runs."
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise InputError(f"{path}: network_def is {type(network).__name__}, expected a network.")
    return network


def _script(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    try:
        return torch.jit.load(path, map_location="cpu").eval()
    except RuntimeError as error:
        raise InputError(f"{path}: not a TorchScript file. Download the bundle again.") from error
