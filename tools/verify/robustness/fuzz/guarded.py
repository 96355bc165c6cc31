"""Reading studies in a process of its own, with a limit of time and memory."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import traceback
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine

LIMIT_S = 30.0
EXTRA_BYTES = 2 << 30  # address space that reading a small study may take


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of reading a study.

    Attributes:
        parts: of the cine by name, arrays in the order of the file; empty where it was not read.
        refusal: message of the error that names what is wrong, if it was refused.
        fault: how the reading ended otherwise: another error, no end, or the end of the process.
        warnings: of the cine.
    """

    parts: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    fault: str = ""
    warnings: tuple[str, ...] = ()


def readings(places: Iterable[Path], limit_s: float = LIMIT_S) -> Iterator[Reading]:
    """Read studies one after the other.

    Args:
        places: folders with one study each.
        limit_s: for each.

    Yields:
        What came of each; a process that hangs or dies is replaced.
    """
    context = multiprocessing.get_context("forkserver")
    process, pipe = None, None
    for place in places:
        if process is None:
            pipe, other = context.Pipe()
            process = context.Process(target=_serve, args=(other,), daemon=True)
            process.start()
            other.close()
            pipe.recv()  # its libraries are loaded
        assert pipe is not None
        pipe.send(str(place))
        try:
            if pipe.poll(limit_s):
                yield pipe.recv()
                continue
            fault = f"no end after {limit_s:g} s"
        except (EOFError, OSError):
            process.join()
            fault = f"the process died (status {process.exitcode})"
        process.kill()
        process.join()
        process = None
        yield Reading(fault=fault)
    if process is not None:
        process.kill()
        process.join()


def read(place: Path) -> Reading:
    """Read the study of a folder as inference does.

    Args:
        place: the folder.
    """
    try:
        studies = find_studies(place)
        cine = read_cine(studies[0])
    except InputError as error:
        return Reading(refusal=str(error))
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error}"[:120]
        return Reading(fault=f"{text} ({Path(where.filename).name}:{where.lineno})")
    storage = cine.storage
    labels = {
        key: None if label is None else storage.to_file(label)
        for key, label in (("label_ed", cine.label_ed), ("label_es", cine.label_es))
    }
    parts = {
        "values": storage.to_file(cine.image),
        "place": storage.affine,
        "frame times": cine.frame_times_ms,
        "ed_frame": cine.ed_frame,
        "es_frame": cine.es_frame,
        "levels": cine.levels,
        **labels,
    }
    return Reading(parts=parts, warnings=tuple(cine.warnings))


def _serve(pipe: Any) -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    _load_readers()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + EXTRA_BYTES, resource.RLIM_INFINITY))
    pipe.send(None)
    while True:
        try:
            place = pipe.recv()
        except EOFError:
            return
        pipe.send(read(Path(place)))


def _load_readers() -> None:
    """Load what the readers load late, so that the limit of memory is that of reading alone."""
    import itk
    import pydicom.pixels  # noqa: F401

    itk.image_view_from_array(np.zeros((2, 2, 2, 2), np.float32))
