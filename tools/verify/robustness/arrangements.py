"""Arrangements of inputs, results and files of others that would cost somebody their data.

Each is one command in a copy of the small world (:mod:`tools.verify.robustness.world`): it is
refused, or done rightly; whatever was there before and is not this program's own is there after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fem_sim.__main__ import main as fem_sim
from tools.verify.robustness.world import at, bundle, infer, score, status_of, train

FOREIGN = "somebody's only copy; it tells of myomotion"
Act = Callable[[Path], int]


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """A command where it could do harm.

    Attributes:
        name: what is arranged.
        act: the command in a copy of the world; gives its exit status.
        foreign: files of somebody else's, relative to the world, that are put there before.
        prepare: what else is put there before.
        replaced: beginnings of the paths of own results that may change.
        makes: files that must be there after; a command without any must be refused.
    """

    name: str
    act: Act
    foreign: tuple[str, ...] = ()
    prepare: Callable[[Path], object] = lambda world: None
    replaced: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()

    def arrange(self, world: Path) -> None:
        """Put everything in its place."""
        for name in self.foreign:
            path = world / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(FOREIGN)
        self.prepare(world)


def tool(name: str, *words: str) -> Act:
    """A command of ``tools``; ``{w}`` in its words stands for the world."""

    def act(world: Path) -> int:
        main = import_module(f"tools.{name}").main
        return status_of(lambda: main([word.format(w=world) for word in words]))

    return act


def fem(*words: str) -> Act:
    """A command of ``fem_sim``, see :func:`tool`."""
    return lambda world: status_of(lambda: fem_sim([word.format(w=world) for word in words]))


def tracked(data: str, output: str, **options: Any) -> Act:
    """Inference on a place of the world into another."""

    def act(world: Path) -> int:
        given = {k: v.format(w=world) if isinstance(v, str) else v for k, v in options.items()}
        return infer(world / data, world / output, **given)

    return act


def moved(source: str, target: str) -> Callable[[Path], object]:
    """Something of the world has another name."""

    def prepare(world: Path) -> None:
        (world / target).parent.mkdir(parents=True, exist_ok=True)
        (world / source).rename(world / target)

    return prepare


def linked(link: str, to: str) -> Callable[[Path], object]:
    """A symbolic link lies somewhere."""

    def prepare(world: Path) -> None:
        (world / link).parent.mkdir(parents=True, exist_ok=True)
        (world / link).symlink_to(world / to)

    return prepare


def copied(source: str, target: str) -> Callable[[Path], object]:
    """A file lies in a second place."""

    def prepare(world: Path) -> None:
        (world / target).parent.mkdir(parents=True, exist_ok=True)
        (world / target).write_bytes((world / source).read_bytes())

    return prepare


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
    (world / "results" / "anna" / ".myomotion.json").unlink()


def _model(world: Path) -> None:
    from myomotion.outputs import mark

    path = world / "trained" / "model.pt"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    mark(path.parent, [path.name])


def _metrics(world: Path) -> int:
    from tools.bundle import REGISTRATION

    configs = [str(REGISTRATION / "configs" / f"{name}.yaml") for name in ("train", "evaluate")]
    return bundle(configs, dataset_dir=str(world / "in"), output_dir=str(world / "out"))


def _served(world: Path) -> int:
    from tools.monai_label.serve import refuse_unsafe

    try:
        refuse_unsafe(world / "app", [world / "in" / "anna"])
    except FileExistsError as error:
        print(f"error: {error}")
        return 1
    return 0


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
SIMULATOR = (
    Arrangement(
        name="animated cine in the place of its study",
        act=fem("phantom", "--animate", "{w}/in/anna", "--output", "{w}/in"),
    ),
    Arrangement(
        name="animated cines in the place of their studies",
        act=fem("phantom", "--animate", "{w}/in", "--output", "{w}/in"),
    ),
    Arrangement(
        name="folder in the place of an animated cine",
        foreign=("out/anna/letter.txt",),
        act=fem("phantom", "--animate", "{w}/in/anna", "--output", "{w}/out"),
    ),
    Arrangement(
        name="cines into the folder of the cycles",
        act=fem("phantom", "--cycles", "{w}/cycles", "--output", "{w}/cycles"),
    ),
    Arrangement(
        name="folder in the place of a virtual cine",
        foreign=("out/s00000/letter.txt",),
        act=fem("phantom", "--cycles", "{w}/cycles", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's datalist.json where cines are simulated",
        foreign=("out/datalist.json",),
        act=fem("phantom", "--count", "1", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's settings.json",
        foreign=("out/settings.json",),
        act=fem("simulate", "--count", "1", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's file of a cycle's name",
        foreign=("out/s00000_basal.npz",),
        act=fem("simulate", "--count", "1", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's file in the place of a rejection",
        foreign=("out/rejected/s00000_basal.json",),
        act=fem("simulate", "--count", "1", "--output", "{w}/out"),
    ),
    Arrangement(
        name="cycles into the folder of the labels",
        act=fem("simulate", "{w}/acdc", "--coding", "acdc", "--output", "{w}/acdc"),
    ),
    Arrangement(
        name="cycles into a file",
        foreign=("out",),
        act=fem("simulate", "--count", "1", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's picture",
        foreign=("out/s00000_basal.png",),
        act=fem("show", "{w}/cycles/s00000_basal.npz", "--output", "{w}/out"),
    ),
    Arrangement(
        name="somebody's film",
        foreign=("out/s00000_basal.gif",),
        act=fem("show", "{w}/cycles/s00000_basal.npz", "--gif", "--output", "{w}/out"),
    ),
    Arrangement(
        name="report in the place of an input",
        act=fem("verify", "--only", "gauge", "--output", "{w}/in/anna/info.json"),
    ),
    Arrangement(
        name="report in the place of a data list",
        act=fem("verify", "--only", "gauge", "--output", "{w}/cycles/datalist.json"),
    ),
    Arrangement(
        name="report in the place of a result's summary",
        act=fem("verify", "--only", "gauge", "--output", "{w}/results/anna/summary.json"),
    ),
    Arrangement(
        name="report through a link",
        foreign=("letter.json",),
        prepare=linked("link.json", "letter.json"),
        act=fem("verify", "--only", "gauge", "--output", "{w}/link.json"),
    ),
)
TOOLS = (
    Arrangement(
        name="converted studies into the data set",
        act=tool("convert.__main__", "acdc", "{w}/acdc", "--output", "{w}/acdc"),
    ),
    Arrangement(
        name="folder in the place of a converted study",
        foreign=("out/patient001/letter.txt",),
        act=tool("convert.__main__", "acdc", "{w}/acdc", "--output", "{w}/out"),
    ),
    Arrangement(
        name="DICOM in the place of the studies",
        act=tool("write_dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/in"),
    ),
    Arrangement(
        name="DICOM in the place of a tracked study",
        act=tool("write_dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/results/anna"),
    ),
    Arrangement(
        name="DICOM in the place of an unrelated folder",
        foreign=("out/letter.txt",),
        act=tool("write_dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/out"),
    ),
    Arrangement(
        name="meshes in the place of their study",
        act=tool("export_vtk.__main__", "{w}/results/anna", "--output", "{w}/results"),
    ),
    Arrangement(
        name="meshes in the place of another's result",
        prepare=lambda w: infer(w / "in" / "anna", w / "second"),
        act=tool("export_vtk.__main__", "{w}/results/anna", "--output", "{w}/second"),
    ),
    Arrangement(
        name="somebody's SHA256SUMS",
        foreign=("out/SHA256SUMS",),
        act=tool("package.__main__", "--output", "{w}/out"),
    ),
    Arrangement(
        name="folder in the place of an unpacked bundle",
        foreign=("out/NAME/letter.txt",),
        act=tool(
            "unpack",
            *("{w}/zip/NAME_v1.zip", "--sums", "{w}/zip/SHA256SUMS", "--output", "{w}/out"),
        ),
    ),
    Arrangement(
        name="evaluation in the place of somebody's file",
        foreign=("result.json",),
        act=tool(
            "evaluate.__main__",
            *("--data", "{w}/in", "--method", "identity", "--output", "{w}/result.json"),
        ),
    ),
    Arrangement(
        name="field in the place of somebody's file",
        foreign=("result/anna.npz",),
        act=tool(
            "evaluate.__main__",
            *("--data", "{w}/in", "--method", "identity", "--output", "{w}/result.json"),
        ),
    ),
    Arrangement(
        name="table of plausibility in the place of the data list",
        act=tool(
            "plausibility_table", "--cycles", "{w}/cycles", "--output", "{w}/cycles/datalist.json"
        ),
    ),
    Arrangement(
        name="curve in the place of somebody's table",
        foreign=("docs/training.csv",),
        act=tool("training_log", "{w}/in", "--output", "{w}/docs/training"),
    ),
    Arrangement(
        name="somebody's folder in the place of the server's",
        foreign=("app/model/letter.txt",),
        act=_served,
    ),
)
ARRANGEMENTS = (*INFERENCE, *TRAINING, *SIMULATOR, *TOOLS)
