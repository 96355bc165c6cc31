"""Results cached per method and case, so that an interrupted study goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from myomotion import parts, tracker
from myomotion.analysis.provenance import input_hashes
from myomotion.files.outputs import claim
from myomotion.files.paths import file_sha256
from myomotion.files.tables import read_report, write_report
from tools.bundle import BUNDLES, INFERENCE_CONFIG, ROOT
from tools.evaluate.methods import OUR_METHODS
from tools.peers import peer_file, peer_packages
from tools.study import cycle, film, moving, regions
from tools.study.config import WEIGHT_KEYS, Method

SHIPPED_WEIGHTS = (
    BUNDLES / "cardiac_motion_reg" / "models" / "model.pt",
    BUNDLES / "vae_regulariser" / "models" / "model.pt",
    BUNDLES / "ventricle_segmentation" / "models" / "model.pt",
)
# Whole folders, so that no file that decides results is forgotten: how cines are read and scored,
# and then the methods themselves.
CODE_OF_SCORING = (
    *(BUNDLES / "myomotion" / room for room in ("core", "io", "analysis", "transforms")),
    ROOT / "tools" / "evaluate",
    *(Path(str(module.__file__)) for module in (cycle, film, moving, regions)),
)
CODE_OF_OUR_METHODS = (
    *(BUNDLES / "myomotion" / room for room in ("networks", "losses", "refinement", "inferers")),
    *(Path(str(module.__file__)) for module in (parts, tracker)),
    INFERENCE_CONFIG,
)
CODE_SUFFIXES = (".py", ".yaml")


def result_key(method: Method, study: Mapping[str, object]) -> str:
    """What a result depends on, as one hash: method, settings, weights, data, code.

    Args:
        method: how it was tracked.
        study: from :func:`~myomotion.io.cine.find_studies`.

    Returns:
        Hexadecimal SHA-256.
    """
    settings = {k: v for k, v in method.settings.items() if k not in WEIGHT_KEYS}
    named = [Path(method.settings[k]) for k in WEIGHT_KEYS if method.settings.get(k)]
    shipped = SHIPPED_WEIGHTS if method.method in OUR_METHODS else ()
    content = {
        "method": method.method,
        "settings": settings,
        "weights": [known_sha256(p) for p in (*named, *shipped) if p.is_file()],
        "data": input_hashes(study),
        "code": code_hashes((*CODE_OF_SCORING, *_code_of(method))),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def code_hashes(places: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files of code.

    Args:
        places: files, and folders with all code below them.

    Returns:
        Name, of a file in a folder with the folder's, to sum.

    Raises:
        FileNotFoundError: for a place without code, such as a folder that has been renamed.
    """
    found: dict[str, str] = {}
    for place in places:
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        code = [path for path in files if path.suffix in CODE_SUFFIXES]
        if not code:
            raise FileNotFoundError(f"{place}: no code there. Correct tools/study/cache.py.")
        found |= {path.relative_to(place.parent).as_posix(): known_sha256(path) for path in code}
    return found


def known_sha256(path: Path) -> str:
    """SHA-256 of a file, computed once as long as neither its time nor its size changes.

    Args:
        path: an existing file.

    Returns:
        64 hexadecimal digits.
    """
    state = path.stat()
    return _sha256(path, state.st_mtime_ns, state.st_size)


@cache
def _sha256(path: Path, modified: int, size: int) -> str:
    return file_sha256(path)


def cached(path: Path, key: str, compute: Callable[[], Any]) -> Any:
    """The result of an earlier run with the same key, else a new one, which is written.

    Args:
        path: JSON file of the result.
        key: see :func:`result_key`.
        compute: gives a result that JSON can hold; None and what is not finite is kept as NaN.

    Returns:
        The result.
    """
    if path.is_file():
        content = read_report(path)
        if content.get("key") == key:
            return content["result"]
    claim(path, signed=True)
    result = compute()
    write_report(path, {"key": key, "result": result})
    return result


def _code_of(method: Method) -> Sequence[Path]:
    if method.method in OUR_METHODS:
        return CODE_OF_OUR_METHODS
    return (peer_file(method.method),) if method.method in peer_packages() else ()
