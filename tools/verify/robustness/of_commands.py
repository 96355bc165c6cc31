"""Arrangements around the simulator and the tools, see :class:`Arrangement`."""

from __future__ import annotations

from pathlib import Path

from tools.monai_label.serve import refuse_unsafe
from tools.verify.robustness.arrangement import Arrangement, fem, linked, tool
from tools.verify.robustness.world import infer


def _served(world: Path) -> int:
    try:
        refuse_unsafe(world / "app", [world / "in" / "anna"])
    except FileExistsError as error:
        print(f"error: {error}")
        return 1
    return 0


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
        act=tool("convert.dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/in"),
    ),
    Arrangement(
        name="DICOM in the place of a tracked study",
        act=tool("convert.dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/results/anna"),
    ),
    Arrangement(
        name="DICOM in the place of an unrelated folder",
        foreign=("out/letter.txt",),
        act=tool("convert.dicom", "{w}/in/anna/sa.nii.gz", "--output", "{w}/out"),
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
            "training.plausibility_table",
            "--cycles",
            "{w}/cycles",
            "--output",
            "{w}/cycles/datalist.json",
        ),
    ),
    Arrangement(
        name="curve in the place of somebody's table",
        foreign=("docs/training.csv",),
        act=tool("training.log", "{w}/in", "--output", "{w}/docs/training"),
    ),
    Arrangement(
        name="page of two visits in the place of a result",
        act=tool(
            "compare_visits.__main__",
            *("{w}/results/anna", "{w}/results/anna"),
            *("--output", "{w}/results/anna/summary.json"),
        ),
    ),
    Arrangement(
        name="averaged weights in the place of one of the two",
        foreign=("weights/a.pt", "weights/b.pt"),
        act=tool(
            "training.average",
            *("{w}/weights/a.pt", "{w}/weights/b.pt", "--output", "{w}/weights/a.pt"),
        ),
    ),
    Arrangement(
        name="somebody's folder in the place of the server's",
        foreign=("app/model/letter.txt",),
        act=_served,
    ),
)
