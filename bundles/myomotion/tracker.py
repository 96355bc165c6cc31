"""Tracking from Python: one call from a cine to motion, strain, quality and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from monai.bundle import ConfigParser
from monai.data import MetaTensor

from myomotion.analysis.provenance import refuse_other_cine
from myomotion.analysis.segmentation import CHOICES
from myomotion.analysis.study import Study
from myomotion.analysis.tables.study import Columns, as_columns, study_tables
from myomotion.core.frames_together import workers
from myomotion.errors import HINTED, InputError, SettingError, nearest, root_input_error
from myomotion.files.outputs import refuse_unsafe
from myomotion.files.paths import given_path
from myomotion.inferers.found import no_longer_failed
from myomotion.io.cine import STUDY_FILES, find_studies
from myomotion.report.card import key_numbers, study_card
from myomotion.report.dicom.write import load_dicom_writer
from myomotion.report.overview import overview_figure
from myomotion.report.page import report_page
from myomotion.transforms.save_motion import STUDY_RESULT, write_study
from myomotion.transforms.study_tensors import study_tensor

BUNDLE = "cardiac_motion_reg"
OF_STUDY = ("label_es", "info", "ed_frame", "es_frame")  # and label_ed, which may be a setting
OF_BUILT_IN = "Built-in cines are tracked by python -m monai.bundle run alone."
ELSEWHERE = {  # what a tracker, which takes one cine and writes nothing, has no use for
    "dataset_dir": "Give the cine itself: track(cine).",
    "output_dir": "Give it to track, or to the result's save.",
    "overwrite": "What is saved replaces the older result of its cine.",
    "verbose": "It is for python -m monai.bundle run alone.",
    **dict.fromkeys(("preset", "built_in_slices", "cache_dir"), OF_BUILT_IN),
    **dict.fromkeys(OF_STUDY, "Give it to track, or in the mapping of the study."),
}


class Result(Study):
    """A tracked study that can be shown and saved; a notebook shows it by itself."""

    def __repr__(self) -> str:
        """What was found, in a line; the arrays are not printed."""
        numbers = ", ".join(f"{name} {value}" for name, value in key_numbers(self.summary))
        return f"Result({self.cine.name}: light {self.summary['light']}, {numbers})"

    def _repr_html_(self) -> str:
        """Light, key numbers and pictures, for notebooks."""
        return study_card(self)

    def table(self, name: str) -> Columns:
        """A table as columns, for numpy and ``pandas.DataFrame``.

        Args:
            name: ``strain``, ``timing``, ``segments``, ``function``, ``areas`` or ``quality``: what
                is written as ``NAME.csv``.

        Raises:
            InputError: if there is none, as strain without a label.
        """
        tables = study_tables(self)
        if name not in tables:
            raise InputError(f"{name}: no such table of {self.cine.name}; has {', '.join(tables)}.")
        return as_columns(*tables[name])

    def tensor(self, name: str) -> MetaTensor:
        """A result as MONAI's tensor, see :func:`~myomotion.transforms.study_tensors.study_tensor`.

        Args:
            name: ``image``, ``warped``, ``jacobian``, ``labels``, ``displacement`` or ``inverse``.
        """
        return study_tensor(self, name)

    def report(self) -> str:
        """The report as one HTML page that refers to nothing outside itself."""
        return report_page(self)

    def figure(self) -> Figure:
        """Frames, differences, motion, J and strain curves of every slice."""
        return overview_figure(self)

    def save(
        self, output_dir: str | Path, report: bool | None = None, dicom: bool | None = None
    ) -> Path:
        """Write the files that the bundle writes.

        Args:
            output_dir: receives a folder with the study's name, replaced as a whole.
            report: write ``report.html`` as well; as the tracker was told if None.
            dicom: of a DICOM cine write DICOM objects as well, in its study; as the tracker was
                told (``dicom_output``) if None.

        Returns:
            The study's folder.

        Raises:
            OutputError: if the folder holds the result of another cine, or cannot be written.
            SettingError: if what is to be written is neither true nor false.
        """
        told = self.summary["parameters"]
        report = told.get("report", True) if report is None else _truth("report", report)
        dicom = told.get("dicom_output", False) if dicom is None else _truth("dicom", dicom)
        sha256 = self.summary["input_sha256"].get("image")
        folder = _free_folder(output_dir, {"name": self.cine.name, **self.cine.files}, sha256)
        parameters = {**told, "report": report, "dicom_output": dicom}
        noted = replace(self, summary={**self.summary, "parameters": parameters})
        write_study(folder, noted, report, load_dicom_writer(dicom))
        no_longer_failed(folder.parent, folder.name)
        return folder


class Tracker:
    """The inference configuration of the registration bundle, tracking one cine after another.

    The parts are the configuration's own, so that results are those of
    ``python -m monai.bundle run --config_file .../inference.yaml``.

    Args:
        bundle: folder of the bundle; the one beside this package if None.
        use_network: False starts from rest, for a refinement alone.
        settings: keys at the top of ``inference.yaml`` with other values, such as ``refine_steps``;
            ``report`` and ``dicom_output`` are what :meth:`Result.save` goes by. Keys about folders
            of studies and built-in cines (:data:`ELSEWHERE`) mean nothing here; other values than
            those of the configuration are refused.

    Raises:
        InputError: for an unknown key, a value that is none of its key, a device or a bundle that
            is not there.

    Examples:
        >>> tracker = Tracker(refine_steps=15)
        >>> result = tracker("sa.nii.gz")
        >>> results = [tracker(study) for study in find_studies("/my/cines")]
    """

    def __init__(
        self, bundle: str | Path | None = None, *, use_network: bool = True, **settings: Any
    ) -> None:
        for key in settings.keys() & ELSEWHERE:
            plain = inference_parts(bundle)
            if key not in plain.get() or plain.get_parsed_content(key) != settings[key]:
                raise SettingError(f"{key}: no setting of a tracker. {ELSEWHERE[key]}")
        self.parts = inference_parts(bundle, **settings)
        for check in ("settings_there", "device_there"):
            self._part(check)
        self.load = self._part("preprocessing")
        used = _truth("use_network", use_network)
        self.network = self._part("network").eval() if used else None
        self.inferer = self._part("inferer")
        self.refine = self._part("refine")
        self.integrate = self._part("integrate")
        self.repeat = self._part("repeat")
        self.repeat.network = self.network
        self.analyse = self._part("analyse")
        if not used:  # the bundle would track otherwise what was saved so
            self.analyse.parameters["use_network"] = False
        self.device = torch.device(self._part("device"))

    def motion(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Track a study that is loaded.

        Args:
            item: from :class:`~myomotion.transforms.load_cine.LoadCine`.

        Returns:
            The item with ``displacement`` and ``inverse`` ``(Z, T, 2, H, W)`` in millimetres on the
            working grids, end-diastole first.
        """
        image = item["image"].to(self.device)
        with torch.no_grad(), workers():
            if self.network is None:
                output = image.new_zeros(*image.shape[:2], 2, *image.shape[2:])
            else:
                output = self.inferer(image[None], self.network)[0]
            return self.integrate(self.refine({**item, "image": image, "pred": output}))

    def __call__(self, study: str | Path | Mapping[str, object]) -> Result:
        """Read, track and measure one study.

        Args:
            study: a cine, as :func:`track` takes it, or one that
                :func:`~myomotion.io.cine.find_studies` found.

        Returns:
            The result; nothing is written.

        Raises:
            InputError: for input that cannot be used, or more than one study.
        """
        found = study if isinstance(study, Mapping) else _only_study(study)
        with workers():
            try:
                loaded = self.load(dict(found))
            except RuntimeError as error:  # MONAI's Compose wraps what a transform raises
                cause = root_input_error(error)
                if cause is None:
                    raise
                raise cause from None
            item = self.analyse(self.repeat(self.motion(loaded)))
        return Result(**vars(item["study"]))

    def _part(self, name: str) -> Any:
        try:
            return self.parts.get_parsed_content(name)
        except SystemExit as stop:  # parts of a configuration end a command line
            found = root_input_error(stop)  # their code alone need not say why
            raise found or InputError(str(stop.code).removeprefix("error: ")) from None


def track(cine: str | Path, *, output_dir: str | Path | None = None, **settings: Any) -> Result:
    """Track one cine.

    Args:
        cine: a 4-D NIfTI file, a study folder (with labels, ``info.json``) or DICOM, see
            :func:`~myomotion.io.cine.find_studies`.
        output_dir: receives the folder that the bundle writes for a study; None writes nothing.
        settings: keys at the top of the bundle's ``inference.yaml`` with other values, as
            :class:`Tracker` takes them (``report=False`` writes no ``report.html``), and
            ``label_ed``, ``label_es``, ``info``, ``ed_frame``, ``es_frame`` for what does not lie
            beside the cine. ``label_ed`` may be a file, or ``"file"`` or ``"none"`` to have no
            contours drawn.

    Returns:
        Motion, strain, quality, summary and pictures.

    Raises:
        InputError: for input that cannot be used, more than one study, or a setting that is unknown
            or has no such value.
        OutputError: if ``output_dir`` holds the result of another cine, or cannot be written.

    Examples:
        >>> import myomotion
        >>> result = myomotion.track("sa.nii.gz", label_ed="label_sa_ED.nii.gz", refine_steps=15)
        >>> result.summary["mean_of_slices_at_end_systole"]["ecc_percent"]
        >>> result.tensor("displacement").shape  # (T, 3, X, Y, Z), millimetres along its axes
        >>> result.figure().savefig("motion.png")
    """
    own = {"label_ed", *OF_STUDY}
    if settings.get("label_ed") in CHOICES:  # where a label comes from, not a file
        own.remove("label_ed")
    study = _only_study(cine) | {key: settings.pop(key) for key in sorted(own) if key in settings}
    tracker = Tracker(**settings)
    if output_dir is not None:  # before anything is computed
        _free_folder(output_dir, study)
    result = tracker(study)
    if output_dir is not None:
        result.save(output_dir)
    return result


def inference_parts(bundle: str | Path | None = None, **settings: Any) -> ConfigParser:
    """The inference configuration of the registration bundle, ready to hand out its parts.

    Args:
        bundle: folder of the bundle; the one beside this package if None.
        settings: keys of ``configs/inference.yaml`` with other values.

    Returns:
        Parser; ``get_parsed_content("network")`` and so on give the parts.

    Raises:
        InputError: for an unknown key, or a bundle that is not there.
    """
    folder = _bundle_folder() if bundle is None else Path(bundle)
    config = next((p for p in sorted((folder / "configs").glob("inference.*"))), None)
    if config is None:
        raise InputError(f"{folder}: no bundle with configs/inference.yaml. Give its folder.")
    parser = ConfigParser()
    parser.read_config(str(config))
    parser["bundle_root"] = str(folder.resolve())
    for key, value in settings.items():
        known = list(parser.get())
        if key not in known:
            near = nearest(key, known, HINTED)
            hint = f" Did you mean {near}?" if near else ""
            raise InputError(f"{key}: not a key of {config.name}.{hint}")
        parser[key] = str(value) if isinstance(value, Path) else value
    return parser


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{name}: {value!r} is not understood. Give True or False.")
    return value


def _free_folder(
    output_dir: str | Path, study: Mapping[str, object], sha256: str | None = None
) -> Path:
    """Folder for the result of a study, which must not take the place of anything else."""
    folder = given_path(Path(output_dir)) / str(study["name"])
    refuse_unsafe(folder, [study.get(key) for key in STUDY_FILES], STUDY_RESULT)
    refuse_other_cine(folder, str(study["image"]), sha256)
    return folder


def _only_study(cine: str | Path) -> dict[str, object]:
    if not isinstance(cine, str | Path):
        raise InputError(
            f"cine: a {type(cine).__name__} is no path. Give a 4-D NIfTI file, a study folder or "
            "DICOM; for what is in memory there is TrackMotiond of transforms.track_motion."
        )
    studies = find_studies(cine)
    if len(studies) > 1:
        raise InputError(
            f"{cine}: {len(studies)} studies, where one is taken. Give each of "
            "myomotion.find_studies to a Tracker, or use python -m monai.bundle run."
        )
    return dict(studies[0])


def _bundle_folder() -> Path:
    """``cardiac_motion_reg``: beside the package in a clone, around it in a packed bundle."""
    parent = Path(__file__).resolve().parents[1]
    return parent / BUNDLE if (parent / BUNDLE).is_dir() else parent
