"""Arrangements around tracking, training and scoring, see :class:`Arrangement`."""

from __future__ import annotations

from pathlib import Path

from myomotion.files.outputs import MARKER, mark
from tools.bundle import REGISTRATION
from tools.verify.robustness.arrangement import Arrangement, copied, linked, moved, tool, tracked
from tools.verify.robustness.world import at, bundle, infer, score, train


def _two_names(world: Path) -> int:
    files = (world / "dots" / f"sub-01.visit-{n}.nii.gz" for n in (1, 2))
    return max(infer(file, world / "out") for file in files)


def _visits(world: Path) -> None:
    for number, name in enumerate(("anna", "bert"), 1):
        copied(f"in/{name}/sa.nii.gz", f"dots/sub-01.visit-{number}.nii.gz")(world)


def _two_patients(world: Path) -> int:
    files = (world / "in" / name / "sa.nii.gz" for name in ("anna", "bert"))
    return max(infer(file, world / "out") for file in files)


def _numbered(world: Path) -> int:
    with at(world):
        return infer(2024, str(world / "2025"))


def _unmarked(world: Path) -> None:
    (world / "results" / "anna" / MARKER).unlink()


def _model(world: Path) -> None:
    path = world / "trained" / "model.pt"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    mark(path.parent, [path.name])


def _metrics(world: Path) -> int:
    configs = [REGISTRATION / "configs" / f"{name}.yaml" for name in ("train", "evaluate")]
    return bundle(*configs, dataset_dir=str(world / "in"), output_dir=str(world / "out"))


INFERENCE = (
    Arrangement(name="results into the folder of studies", act=tracked("in", "in")),
    Arrangement(name="results of a study into its parent", act=tracked("in/anna", "in")),
    Arrangement(name="results of a DICOM study into its parent", act=tracked("scanner", "scanner")),
    Arrangement(
        name="results into the DICOM folder", act=tracked("scanner/anna", "scanner/anna/IM")
    ),
    Arrangement(
        name="unrelated folder of the study's name",
        foreign=("out/anna/letter.txt",),
        act=tracked("in/anna", "out"),
    ),
    Arrangement(
        name="unrelated file of the study's name",
        foreign=("out/anna",),
        act=tracked("in/anna", "out"),
    ),
    Arrangement(
        name="link of the study's name to a folder",
        foreign=("elsewhere/letter.txt",),
        prepare=linked("out/anna", "elsewhere"),
        act=tracked("in/anna", "out"),
    ),
    Arrangement(
        name="link of the study's name to nothing",
        prepare=linked("out/anna", "nowhere"),
        act=tracked("in/anna", "out"),
    ),
    Arrangement(
        name="somebody's cohort.csv", foreign=("out/cohort.csv",), act=tracked("in", "out")
    ),
    Arrangement(
        name="somebody's failed.json", foreign=("out/failed.json",), act=tracked("in/anna", "out")
    ),
    Arrangement(name="output folder is a file", foreign=("out",), act=tracked("in/anna", "out")),
    Arrangement(
        name="output folder below a file", foreign=("out",), act=tracked("in/anna", "out/deep/er")
    ),
    Arrangement(
        name="a note in a result",
        foreign=("results/anna/note.txt",),
        act=tracked("in/anna", "results", overwrite=True),
    ),
    Arrangement(
        name="result of an earlier version",
        prepare=_unmarked,
        act=tracked("in/anna", "results", overwrite=True),
    ),
    Arrangement(
        name="result of another cine of this name",
        prepare=moved("in/bert", "other/anna"),
        act=tracked("other/anna", "results"),
    ),
    Arrangement(
        name="weights in the place of the result",
        foreign=("out/anna/model.pt",),
        act=tracked("in/anna", "out", plausibility_table="{w}/out/anna/model.pt"),
    ),
    Arrangement(
        name="label in the place of the result",
        prepare=moved("in/anna", "in/label"),
        foreign=("in/anna/sa.nii.gz",),
        act=tracked("in/label", "in/label/.."),
    ),
    Arrangement(
        name="own result again",
        act=tracked("in/anna", "results", overwrite=True),
        replaced=("results/anna/",),
        makes=("results/anna/summary.json",),
    ),
    Arrangement(
        name="names with dots",
        prepare=_visits,
        act=_two_names,
        makes=tuple(f"out/sub-01.visit-{n}/summary.json" for n in (1, 2)),
    ),
    Arrangement(
        name="two files of one name",
        act=_two_patients,
        makes=("out/anna/summary.json", "out/bert/summary.json"),
    ),
    Arrangement(
        name="a name with # and spaces",
        prepare=moved("in/anna", "study #1 ü/anna"),
        act=tracked("study #1 ü/anna", "out #2"),
        makes=("out #2/anna/summary.json",),
    ),
    Arrangement(
        name="names that are numbers",
        prepare=moved("in", "2024"),
        act=_numbered,
        makes=("2025/anna/summary.json", "2025/cohort.csv"),
    ),
    Arrangement(
        name="a link to a DICOM folder",
        prepare=linked("link", "scanner/anna"),
        act=tracked("link", "out"),
        makes=("out/link/summary.json",),
    ),
    Arrangement(
        name="several at a time into the folder of studies",
        act=tool("track_cohort.__main__", "--data", "{w}/in", "--output", "{w}/in"),
    ),
)
TRAINING = (
    Arrangement(
        name="weights of a finished training",
        prepare=_model,
        act=lambda w: train(w / "trained", dataset_dir=str(w / "in")),
    ),
    Arrangement(
        name="somebody's weights, and overwrite",
        foreign=("trained/model.pt",),
        act=lambda w: train(w / "trained", dataset_dir=str(w / "in"), overwrite=True),
    ),
    Arrangement(
        name="somebody's checkpoint",
        foreign=("trained/resume.pt",),
        act=lambda w: train(w / "trained", "vae", dataset_dir=str(w / "cycles")),
    ),
    Arrangement(
        name="fine-tuning in the place of what it starts from",
        prepare=_model,
        act=lambda w: train(
            w / "trained", start_from=str(w / "trained" / "model.pt"), overwrite=True
        ),
    ),
    Arrangement(name="somebody's metrics.csv", foreign=("out/metrics.csv",), act=_metrics),
    Arrangement(
        name="somebody's table in the place of scores",
        foreign=("out/s00000_basal.csv",),
        act=lambda w: score(w / "cycles", w / "out"),
    ),
    Arrangement(
        name="scores beside the cycles",
        act=lambda w: score(w / "cycles", w / "cycles"),
        replaced=("cycles/.myomotion.json",),
        makes=("cycles/s00000_basal.csv", "cycles/s00000_basal_map.npy"),
    ),
)
