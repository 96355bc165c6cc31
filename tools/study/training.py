"""Train the networks that a study compares and that are not there yet."""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from myomotion.files.outputs import claim
from tools.bundle import ROOT
from tools.study.config import Method, Stage

LOG = logging.getLogger(__name__)


def train_missing(
    methods: Sequence[Method], folders: Mapping[str, Path], progress: bool = True
) -> list[str]:
    """Run the training stages of methods whose weights are missing, in their order.

    A stage that an earlier run has finished is skipped, an interrupted one goes on.

    Args:
        methods: of the study.
        folders: data sets by name; ``{name}`` in a command stands for the folder.
        progress: show a progress bar over the stages.

    Returns:
        Sentences about trainings that could not be done.
    """
    missing = [(m, s) for m in methods for s in m.training if not finished(s)]
    failed: dict[str, str] = {}
    for method, stage in (bar := tqdm(missing, desc="training", disable=not progress)):
        bar.set_postfix_str(method.name)
        if method.name in failed:
            continue
        try:
            run_stage(stage, folders)
        except RuntimeError as error:
            LOG.warning("%s: %s", method.label, error)
            failed[method.name] = f"training of {method.label}: {error}"
    return list(failed.values())


def finished(stage: Stage) -> bool:
    """Whether the stage has written its weights and is not in the middle of its epochs."""
    makes = ROOT / stage.makes
    return makes.is_file() and not makes.with_name("resume.pt").is_file()


def run_stage(stage: Stage, folders: Mapping[str, Path]) -> None:
    """Run one command in the root of the project; its output goes to ``training.log``.

    Args:
        stage: command and the file it makes.
        folders: data sets by name.

    Raises:
        OutputError: if the log is there and not an earlier training's.
        RuntimeError: if a data set is missing, the command fails or makes no weights.
    """
    words = command_of(stage, folders)
    makes = ROOT / stage.makes
    log = makes.with_name("training.log")
    claim(log)
    with log.open("ab") as stream:
        status = subprocess.run(words, cwd=ROOT, stdout=stream, stderr=stream, check=False)
    if status.returncode or not makes.is_file():
        lines = log.read_text(errors="replace").strip().splitlines() or ["no message"]
        raise RuntimeError(f"status {status.returncode}: {lines[-1]} (all in {log.name})")


def command_of(stage: Stage, folders: Mapping[str, Path]) -> list[str]:
    """The stage's command as words, this Python in the place of ``python``.

    Args:
        stage: the stage.
        folders: data sets by name.

    Returns:
        Words.

    Raises:
        RuntimeError: if the command names a data set that is not there.
    """
    words = []
    for word in shlex.split(stage.command):
        for name, folder in folders.items():
            word = word.replace("{" + name + "}", str(folder))
        if word.startswith("{"):
            raise RuntimeError(f"needs the data set {word.strip('{}')!r}; give it with --data")
        words.append(word)
    return [sys.executable, *words[1:]] if words[0] == "python" else words
