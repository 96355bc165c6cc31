"""Slips of keys, values that mean nothing, and odd names (kind K6), as command lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tools.bundle import REGISTRATION, ROOT, VAE
from tools.verify.robustness.faults.row import Row, both, refused, said, same

TIMEOUT_S = 900  # of a busy machine; a command takes ten seconds


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line that must end in one clear line, or work.

    Attributes:
        name: what is wrong.
        words: after ``python``, ``{w}`` for a folder with a sound ``study`` and two ``studies``.
        says: regular expression that the line on stderr holds; None for one that must work.
        prepare: what else is put there before.
        status: with which it ends.
        makes: a file that must be there after.
    """

    name: str
    words: Sequence[str]
    says: str | None = None
    prepare: Callable[[Path], object] = lambda world: None
    status: int = 2
    makes: str | None = None

    def fault(self, world: Path) -> tuple[str, str | None]:
        """Run it.

        Args:
            world: folder with a sound study.

        Returns:
            The last line that it says, and what is wrong with it; None if nothing is.
        """
        self.prepare(world)
        try:
            done = subprocess.run(
                [sys.executable, *(word.format(w=world) for word in self.words)],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return "-", f"it did not end within {TIMEOUT_S} s"
        line = (done.stderr.strip() or done.stdout.strip() or "-").splitlines()[-1]
        if "Traceback" in done.stderr:
            return line, "it ended with a traceback"
        if self.makes is not None and not (world / self.makes).is_file():
            return line, f"{self.makes} was not made"
        wanted = 0 if self.says is None else self.status
        if done.returncode != wanted:
            return line, f"status {done.returncode} for {wanted}"
        if self.says is not None and not re.search(self.says, line):
            return line, f"it does not say {self.says!r}"
        return line, None


def _bundle(*words: str, config: Path = REGISTRATION / "configs" / "inference.yaml") -> list[str]:
    return ["-m", "monai.bundle", "run", "--config_file", str(config), *words]


def _track(*words: str, data: str = "{w}/study", output: str = "{w}/out") -> list[str]:
    places = ("--dataset_dir", data, "--output_dir", output, "--report", "False")
    return _bundle(*places, *words)


def info(text: str | bytes) -> Callable[[Path], object]:
    """A study with this ``info.json``."""
    content = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "info.json").write_bytes(content)


def _train(*words: str, of: Path = REGISTRATION) -> list[str]:
    data = () if of == VAE else ("--dataset_dir", "{w}/studies")
    return _bundle(*data, "--output_dir", "{w}/out", *words, config=of / "configs" / "train.yaml")


WITHOUT_GPU = (
    Command(
        name="--device cuda without a GPU",
        words=_track("--device", "cuda"),
        says="error: .*(GPU|CUDA|cuda)",
    ),
)
COMMANDS = (
    Command(
        name="--refine_step 60", words=_track("--refine_step", "60"), says="mean --refine_steps"
    ),
    Command(name="--epoch 5", words=_train("--epoch", "5"), says="mean --epochs"),
    Command(
        name="--learningrate 1", words=_train("--learningrate", "1"), says="mean --learning_rate"
    ),
    Command(
        name="--epoch 5, autoencoder", words=_train("--epoch", "5", of=VAE), says="mean --epochs"
    ),
    Command(name="--size 100", words=_train("--size", "100"), says="error: .*size"),
    Command(name="--spacing 0", words=_train("--spacing", "0"), says="error: .*spacing"),
    Command(
        name="--refine_steps 2.5",
        words=_track("--refine_steps", "2.5"),
        says="error: .*refine_steps.*2.5",
    ),
    Command(name="--batch_size 0", words=_track("--batch_size", "0"), says="batch_size: 0 is no"),
    Command(
        name="--overwrite no", words=_track("--overwrite", "no"), says="overwrite: 'no' is not"
    ),
    Command(name="--preset papr", words=_track("--preset", "papr"), says="preset: 'papr'"),
    *(() if torch.cuda.is_available() else WITHOUT_GPU),
    Command(
        name="output folder that cannot be made",
        words=_track(output="{w}/study/sa.nii.gz/out"),
        says="error: .*sa.nii.gz",
    ),
    Command(
        name="a study that cannot be used is in failed.json",
        words=_track(),
        prepare=lambda world: (world / "study" / "sa.nii.gz").write_bytes(b"text"),
        says="error: .*sa.nii.gz",
        status=1,
        makes="out/failed.json",
    ),
    Command(
        name="fem_sim simulate --cout 3",
        words=["-m", "fem_sim", "simulate", "--cout", "3"],
        says="error: ",
    ),
)
INFO_ROWS = (
    Row(name="info.json: ed_fram", change=info('{"ed_fram": 0}'), right=refused("mean 'ed_frame'")),
    Row(name="info.json: es-frame", change=info('{"es-frame": 4}'), right=refused("'es_frame'")),
    Row(name="info.json: Labels", change=info('{"Labels": "internal"}'), right=same()),
    Row(
        name='info.json: {"level": "Basal"}',
        change=info('{"slices": [{"level": "Basal"}, {"level": "MID"}, {"level": "Apex"}]}'),
        right=same(),
    ),
    Row(
        name="info.json: BOM, 5.0 and null",
        change=info(b'\xef\xbb\xbf{"ed_frame": 0.0, "es_frame": 5.0, "labels": null}'),
        right=same(),
    ),
    *(
        Row(name=f"info.json: {text}", change=info(text), right=same())
        for text in (
            '{"ed_frame": "0", "es_frame": "5", "frame_interval_ms": "40"}',
            '{"labels": "Internal"}',
            '{"ED_Frame": 0}',
            '{"ed_frame": null, "slices": null, "series": null, "slice_spacing_mm": null}',
        )
    ),
    Row(
        name="info.json: a repetition time for the distance of frames",
        change=info('{"frame_interval_ms": 5.8}'),
        right=both(same(), said("heart rate of 1034 a minute, which no heart has")),
    ),
    Row(name="info.json: UTF-16", change=info('{"ed_frame": 0}'.encode("utf-16")), right=same()),
    *(
        Row(name=f"info.json: {text}", change=info(text), right=refused(says))
        for text, says in (
            ('{"ed_frame": 1, "es_frame": 10}', "es_frame is 10, .*counted from 0"),
            ('{"ED": 1, "ES": 6}', "mean 'ed_frame'"),
            ('{"endSystole": 5}', "mean 'es_frame'"),
            ('{"label_coding": "acdc"}', "mean 'labels'"),
            ('{"dt": 40}', "mean 'frame_interval_ms'"),
            ('{"frame_interval_ms": NaN}', "frame_interval_ms is nan"),
            ('{"frame_interval_ms": 0.04}', "Give milliseconds"),
            ('{"ed_frame": true}', "ed_frame is True"),
            ('["ED", 0]', "expected a JSON object"),
            ('{"slices": ["basal", "mid", "apical"]}', "expected one object a slice"),
        )
    ),
    Row(
        name="info.json: names of other slices",
        change=info('{"slices": [{"level": "basal"}]}'),
        right=both(same(), said("names 1 slices")),
    ),
    Row(name="info.json: half a frame", change=info('{"ed_frame": 0.5}'), right=refused("0.5")),
    Row(
        name="info.json: cut",
        change=info(json.dumps({"ed_frame": 0})[:-3]),
        right=refused("info.json: not readable JSON"),
    ),
)
