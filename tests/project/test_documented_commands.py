"""What the documentation shows: commands parse and are run somewhere, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.project.commands import (
    BLOCK,
    Command,
    WrongCommand,
    check_command,
    check_python,
    commands,
)
from tests.support.paths import BUNDLES, ROOT
from tools.package.__main__ import NAMES, bundle_files

README = ROOT / "README.md"
GUIDES = [
    README,
    *(BUNDLES / "cardiac_motion_reg" / "docs" / f"{name}.md" for name in ("data", "training")),
    BUNDLES / "cardiac_motion_reg" / "docs" / "tools.md",
    BUNDLES / "vae_regulariser" / "docs" / "simulator.md",
]
DOCUMENTS = [README, ROOT / ".github" / "CONTRIBUTING.md", *sorted(BUNDLES.glob("*/docs/*.md"))]

# Commands of README and the guides by what runs them: a test file that runs the same program, seen
# by its name.
RUN_BY_TESTS = {
    "python -m fem_sim hearts3d": "tests/fem_sim/test_heart3d_beat.py",
    "python -m fem_sim modes3d": "tests/fem_sim/stacks/test_stacks3d.py",
    "python -m fem_sim stacks3d": "tests/fem_sim/stacks/test_stacks3d.py",
    "python -m fem_sim phantom": "tests/fem_sim/test_fem_animate.py",
    "python -m fem_sim show": "tests/fem_sim/test_fem_show.py",
    "python -m fem_sim simulate": "tests/fem_sim/test_sim_dataset.py",
    "python -m fem_sim slices": "tests/fem_sim/test_stills.py",
    "python -m fem_sim verify": "tests/fem_sim/test_fem_verify.py",
    "python -m monai.bundle run": "tests/bundles/test_distribution.py",
    "python -m monai.bundle run evaluating": "tests/bundles/test_bundles.py",
    "python -m monai.bundle run training": "tests/bundles/test_distribution.py",
    "python -m tools.benchmark acdc": "tests/tools/benchmark/test_acdc.py",
    "python -m tools.benchmark landmarks": "tests/tools/benchmark/test_landmarks.py",
    "python -m tools.benchmark long_axis": "tests/tools/benchmark/test_long_axis.py",
    "python -m tools.compare_visits": "tests/tools/test_compare_visits.py",
    "python -m tools.convert": "tests/tools/convert/test_convert.py",
    "python -m tools.convert acdc": "tests/tools/convert/test_convert.py",
    "python -m tools.convert mnms": "tests/tools/convert/test_convert.py",
    "python -m tools.convert mnms2": "tests/tools/convert/test_convert.py",
    "python -m tools.convert sunnybrook": "tests/tools/convert/test_convert_sunnybrook.py",
    "python -m tools.convert ukbb": "tests/tools/convert/test_convert.py",
    "python -m tools.convert.ukbb_dicom": "tests/io/dicom/test_uk_biobank.py",
    "python -m tools.evaluate": "tests/tools/test_peers.py",
    "python -m tools.export_vtk": "tests/tools/test_export_vtk.py",
    "python -m tools.move": "tests/tools/test_move.py",
    "python -m tools.package": "tests/tools/package/test_package.py",
    "python -m tools.package.hub": "tests/tools/package/test_package_hub.py",
    "python -m tools.figures.pipeline": "tests/report/test_pipeline_figure.py",
    "python -m tools.study": "tests/tools/study/test_study.py",
    "python -m tools.track_cohort": "tests/tools/test_cluster.py",
    "python -m tools.verify autoencoder": "tests/tools/verify/test_autoencoder.py",
    "python -m tools.verify inference": "tests/tools/verify/inference/test_inference.py",
    "python -m tools.verify robustness": "tests/tools/verify/test_fuzz.py",
    "python -m tools.convert.dicom": "tests/io/dicom/test_dicom.py",
    "python tools/unpack.py": "tests/tools/package/test_unpack.py",
}
# Commands of README and the guides that nothing runs as they stand there, and why.
NOT_RUN = {
    "source .venv/bin/activate": "of the shell",
    "make demo-train": "ten minutes; tests run each of its commands with less data",
    "dask worker": "of Dask; tests/tools/test_cluster.py starts workers itself",
    "python -m tools.training.log": "needs the log of a training; its table is in docs/",
    "torchrun": "several GPUs; tests/bundles/test_multi_process.py runs it on two processes",
    "python -m monai.bundle download": "a published zip; test_package.py downloads a local one",
    "python -m tools.track_cohort.measure": "sixty studies; test_cluster.py does it with four",
    "python -m tools.verify distribution": "half an hour, and the network",
    "python -m tools.verify registration": "an hour, and real data",
    "python -m tools.verify segmentation": "half an hour, and real data",
    "python -m tools.verify volume": "half an hour, simulated ventricles, and real data",
}


def shown(documents: list[Path], inline: bool) -> list[object]:
    """Commands as cases of a test, each with the place where it stands."""
    return [
        pytest.param(command, document, id=f"{command.place} {command.program}")
        for document in documents
        for command in commands(document, inline)
    ]


def run_by_workflows() -> set[str]:
    """Command lines of the workflows."""
    lines: set[str] = set()
    for path in sorted((ROOT / ".github" / "workflows").glob("*.y*ml")):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                lines |= {line.strip() for line in step.get("run", "").splitlines()}
    return lines


@pytest.mark.parametrize(("command", "document"), shown(DOCUMENTS, inline=True))
def test_command_parses_with_the_options_and_keys_of_now(command: Command, document: Path) -> None:
    check_command(command, (ROOT, BUNDLES, document.parents[1]))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_a_document_names_what_is_there(document: Path) -> None:
    for language, source in BLOCK.findall(document.read_text(encoding="utf-8")):
        if language == "python":
            check_python(source)


@pytest.mark.parametrize(("command", "document"), shown(GUIDES, inline=False))
def test_command_of_a_guide_is_run_by_a_workflow_or_a_test_or_is_excused(
    command: Command, document: Path
) -> None:
    where = command.program
    known = where in NOT_RUN or where in RUN_BY_TESTS or command.text in run_by_workflows()
    assert known, (
        f"{command.place}: nothing runs `{command.text}`. Run it in a workflow, or name the test "
        f"that runs it, or the reason why none can, in {Path(__file__).name}."
    )


@pytest.mark.parametrize("program", RUN_BY_TESTS)
def test_test_that_is_said_to_run_a_program_speaks_of_it(program: str) -> None:
    name = program.removeprefix("python ").removeprefix("-m ").split()[0]
    text = (ROOT / RUN_BY_TESTS[program]).read_text(encoding="utf-8")
    assert name.removesuffix(".py").replace("/", ".") in text


def test_workflows_run_the_two_commands_of_readme() -> None:
    assert {"make demo", "make test", "make lint"} <= run_by_workflows()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("make dinner", "no such target"),
        ("python -m tools.nothing --data X", "tools.nothing: no such module"),
        ("python -m tools.convert.dicom IN.nii.gz --out-put DIR", "required: --output"),
        ("python -m tools.convert.dicom IN.nii.gz --output DIR --films", "unrecognized.*--films"),
        ("python -m fem_sim simulate --output X --presets paper", "unrecognized.*--presets"),
        ("python -m fem_sim dream --output X", "invalid choice: 'dream'"),
        ("python tools/absent.py ZIP", "tools/absent.py: no such file"),
        ("python -m monai.bundle run --config_file x/train.yaml", "x/train.yaml: no such file"),
        ("python -m monai.bundle download --nam X", "has no --nam"),
        ("pyhton -m tools.study", "pyhton: no program"),
        (
            "python -m monai.bundle run --config_file cardiac_motion_reg/configs/inference.yaml "
            "--refine_step 60",
            "--refine_step is not a key of the configuration. Did you mean --refine_steps",
        ),
        (
            "python -m monai.bundle run trainig --config_file vae_regulariser/configs/train.yaml",
            "nothing in it is called trainig",
        ),
        (
            "torchrun --standalone --nproc_per_node=2 -m monai.bundle run training --config_file "
            "\"['bundles/cardiac_motion_reg/configs/train.yaml','absent.yaml']\"",
            "absent.yaml: no such file",
        ),
    ],
)
def test_command_that_no_longer_parses_is_found(text: str, reason: str) -> None:
    with pytest.raises(WrongCommand, match=reason):
        check_command(Command(text, "here:1"))


def test_commands_are_found_in_blocks_and_in_running_text(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(
        "Say `python -m tools.study\n--data DIR` or `x.nii.gz`.\n\n```\n/my/cines/NAME  a cine\n```"
        "\n\n```sh\nmake demo    # a cine\n\nA=1 python -m fem_sim \\\n    show X\n```\n"
        "```python\nimport myomotion\n```\n"
    )
    found = commands(document, inline=True)
    assert [(c.text, c.place) for c in found] == [
        ("make demo", "doc.md:9"),
        ("A=1 python -m fem_sim show X", "doc.md:11"),
        ("python -m tools.study --data DIR", "doc.md:1"),
    ]
    assert [c.program for c in found][:2] == ["make demo", "python -m fem_sim show"]
    check_python("import myomotion\nmyomotion.track('sa.nii.gz')\nfrom myomotion.core import flow")
    for wrong in ("import myomotion\nmyomotion.trak(1)", "from myomotion.core import flows"):
        with pytest.raises(WrongCommand, match="has no"):
            check_python(wrong)


# ---- links ------------------------------------------------------------------------------------


def links(document: Path) -> list[str]:
    """Targets of a document's links and pictures, those of the web left out."""
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in found if not target.startswith(("http", "mailto"))]


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a document."""
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_link_of_a_document_leads_to_a_file_and_a_heading(document: Path) -> None:
    for target in links(document):
        name, _, anchor = target.partition("#")
        place = (document.parent / name) if name else document
        assert place.exists(), f"{document.name}: {target}"
        assert not anchor or anchor in anchors(place), f"{document.name}: {target}"


@pytest.mark.slow
@pytest.mark.parametrize("bundle", NAMES)
def test_links_of_a_packed_bundle_stay_within_it(bundle: str) -> None:
    packed = bundle_files(BUNDLES, bundle)
    documents = [path for path in packed if path.endswith(".md")]
    assert len(documents) >= 2
    for document in documents:
        for target in links(BUNDLES / bundle / document):
            name = target.partition("#")[0] or Path(document).name
            assert f"docs/{name}" in packed, f"{document}: {target}"


def test_readme_is_short_and_has_what_a_newcomer_looks_for() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) <= 1100 and len(text.splitlines()) <= 150
    assert "myomotion.track(" in text and ".gif)" in text and "make demo" in text
