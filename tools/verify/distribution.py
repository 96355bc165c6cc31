"""Measure what the packed bundles promise where nothing of this project is beside them.

python -m tools.verify distribution --output FILE.json [--real DIR]

Packs all bundles, serves them over HTTP on this machine, downloads and unpacks them into an empty
folder, trains and runs them there in processes that do not see this project, and tries zips that
must be refused.
"""

from __future__ import annotations

import argparse
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fem_sim import claims
from fem_sim.claims import Claim, at_least, at_most, below, not_run
from fem_sim.dataset import simulate_dataset
from fem_sim.phantom.dataset import make_cines
from fem_sim.stills.dataset import make_stills
from myomotion.io.studies import find_studies
from tools.package.__main__ import NAMES, package
from tools.unpack import UnsafeZip, unpack
from tools.verify.folders import Kind, labelled_studies

FOLDERS: dict[str, Kind] = {"real": labelled_studies}
LARGEST_MB = 40.0
SLOWEST_S = 600.0
SEED = 0
SLICES, LEVELS, FRAMES = 9, 8, 6  # three subjects: one for training, validation and test each
STILLS = 9  # virtual slices
SHORT = {  # what makes an epoch short
    "vae_regulariser": ("--frames_per_cycle", "2"),
    "ventricle_segmentation": ("--batch_size", "2"),
    "cardiac_motion_reg": ("--pairs_per_cine", "2"),
}


def package_claims(folder: Path) -> Iterator[Claim]:
    """Size and reproducibility of the zips in ``folder/zips``."""
    started = time.perf_counter()
    zips = package(folder / "zips")
    yield below("all bundles packed", time.perf_counter() - started, SLOWEST_S, "s")
    for path in zips:
        yield below(f"{path.name}: size", path.stat().st_size / 1e6, LARGEST_MB, "MB")
    again = package(folder / "again")
    different = sum(a.read_bytes() != b.read_bytes() for a, b in zip(zips, again, strict=True))
    yield at_most("zips that differ when packed again", different, 0)
    cards = sum(f"{p.name.split('_v')[0]}/docs/model_card.md" in names_in(p) for p in zips)
    yield at_least("zips with a model card", cards, len(zips))


def zips_in(folder: Path) -> list[Path]:
    """The zips in ``folder/zips``, packed now where they are not there."""
    return sorted((folder / "zips").glob("*.zip")) or sorted(package(folder / "zips"))


def download_claims(folder: Path) -> Iterator[Claim]:
    """``monai.bundle download`` over HTTP into the empty ``folder/alone``; sums that hold."""
    zips = zips_in(folder)
    (folder / "alone").mkdir()
    with served(folder / "zips") as address:
        for path in zips:
            name = path.name.split("_v")[0]
            where = ("--url", f"{address}/{path.name}", "--bundle_dir", ".")
            seconds = run_alone(folder, "download", "--name", name, *where)
            yield below(f"{name}: downloaded and unpacked", seconds, SLOWEST_S, "s")
            differing = different_files(path, folder / "alone")
            yield at_most(f"{name}: files that differ after the download", differing, 0)
            unpack(path, folder / "zips" / "SHA256SUMS", folder / "unpacked")


def run_claims(folder: Path, real: Path | None) -> Iterator[Claim]:
    """Training for one epoch and inference, from the downloads alone."""
    if not (folder / "alone").is_dir():  # the group "download" was left out
        list(download_claims(folder))
    data = {
        "vae_regulariser": folder / "cycles",
        "ventricle_segmentation": folder / "slices",
        "cardiac_motion_reg": folder / "cines",
    }
    make_stills(data["ventricle_segmentation"], count=STILLS, seed=SEED, progress=False)
    simulate_dataset(
        data["vae_regulariser"],
        count=SLICES,
        levels=LEVELS,
        preset="physiological",
        seed=SEED,
        progress=False,
    )
    make_cines(
        data["cardiac_motion_reg"],
        cycles=data["vae_regulariser"],
        frames=FRAMES,
        seed=SEED,
        progress=False,
    )
    for name in NAMES:
        config = ("--config_file", f"{name}/configs/train.yaml", "--dataset_dir", str(data[name]))
        short = ("--epochs", "1", "--val_interval", "1", *SHORT[name])
        output = ("--output_dir", str(folder / name))
        seconds = run_alone(folder, "run", "training", *config, *short, *output)
        yield below(f"{name}: one epoch of training", seconds, SLOWEST_S, "s")
        yield at_least(f"{name}: weights written", (folder / name / "model.pt").is_file(), 1)
    scores = folder / "scores"
    seconds = run_alone(folder, *inference("vae_regulariser", data["vae_regulariser"], scores))
    yield below("vae_regulariser: inference", seconds, SLOWEST_S, "s")
    yield at_least("vae_regulariser: cycles scored", len(list(scores.glob("*.csv"))), 1)
    threshold = f"< {SLOWEST_S:g}"
    if real is None:
        for name in ("cardiac_motion_reg", "ventricle_segmentation"):
            yield not_run(f"{name}: inference on a real cine", threshold, "no --real given")
        return
    study = find_studies(real)[0]
    cine, motion = Path(str(study["image"])).parent.absolute(), folder / "motion"
    seconds = run_alone(folder, *inference("cardiac_motion_reg", cine, motion))
    note = str(study["name"])
    yield below("cardiac_motion_reg: inference on a real cine", seconds, SLOWEST_S, "s", note)
    fields = list(motion.glob("*/displacement/*.nii.gz"))
    yield at_least("cardiac_motion_reg: frames of it tracked", len(fields), 2)
    reports = list(motion.glob("*/report.html"))
    yield at_least("cardiac_motion_reg: report of it", len(reports), 1)
    contours = folder / "contours"
    seconds = run_alone(folder, *inference("ventricle_segmentation", cine, contours))
    yield below("ventricle_segmentation: inference on a real cine", seconds, SLOWEST_S, "s", note)
    labels = list(contours.glob("*/label_sa_ED.nii.gz"))
    yield at_least("ventricle_segmentation: contours of it", len(labels), 1)


def refusal_claims(folder: Path) -> Iterator[Claim]:
    """Zips that were tampered with or lead out of the folder are refused and leave nothing."""
    good = zips_in(folder)[0]
    tampered = folder / "tampered" / good.name
    tampered.parent.mkdir()
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(content)
    yield refused("a zip with one bit changed", tampered, folder / "zips" / "SHA256SUMS")
    name = good.name.split("_v")[0]
    entries = {
        "a path out of the folder": (f"{name}/../../out.txt", stat.S_IFREG),
        "an absolute path": ("/tmp/out.txt", stat.S_IFREG),
        "a symbolic link": (f"{name}/link", stat.S_IFLNK),
    }
    for index, (what, (entry, kind)) in enumerate(entries.items()):
        path = folder / f"crafted{index}" / good.name
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo(entry)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, "/etc/passwd")
        sums = path.parent / "SHA256SUMS"
        sums.write_text(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        yield refused(f"a zip with {what}", path, sums)


def refused(what: str, path: Path, sums: Path) -> Claim:
    """The claim that ``path`` is not unpacked and nothing is left of it."""
    target = path.parent / "target"
    try:
        unpack(path, sums, target)
    except UnsafeZip as error:
        return at_least(f"{what} is refused", not target.exists(), 1, "", str(error))
    return at_least(f"{what} is refused", 0, 1, "", "it was unpacked")


def inference(name: str, data: Path, output: Path) -> tuple[str, ...]:
    """Arguments of ``python -m monai.bundle`` that run a bundle with its own weights."""
    config = ("run", "--config_file", f"{name}/configs/inference.json")
    return (*config, "--dataset_dir", str(data), "--output_dir", str(output))


def run_alone(folder: Path, *arguments: str) -> float:
    """Run ``python -m monai.bundle`` in ``folder/alone`` without this project on the path.

    Returns:
        Seconds.

    Raises:
        RuntimeError: with its last lines, if it fails.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "monai.bundle", *arguments],
        cwd=folder / "alone",
        env={**environment, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=2 * SLOWEST_S,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - started


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a web server on this machine that has the files of a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Keep the terminal for the claims."""

    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def names_in(path: Path) -> list[str]:
    """Names of the files in a zip."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def different_files(path: Path, folder: Path) -> int:
    """How many files of a zip are missing or other under ``folder``."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    return sum(
        not (folder / name).is_file() or (folder / name).read_bytes() != expected
        for name, expected in content.items()
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument("--real", type=Path, help="folder of real studies; the first is tracked")


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    with tempfile.TemporaryDirectory() as folder:
        measured = groups(Path(folder), options.real)
        return claims.run(measured, options.output, only=options.only, seed=SEED)


def groups(folder: Path, real: Path | None) -> claims.Groups:
    """What is measured, in order.

    Args:
        folder: empty, to work in.
        real: folder of real studies, or None.
    """
    return {
        "packing": lambda: package_claims(folder),
        "download": lambda: download_claims(folder),
        "training and inference from the downloads": lambda: run_claims(folder, real),
        "refusal": lambda: refusal_claims(folder),
    }
