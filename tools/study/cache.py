"""Results kept per method and case, so that an interrupted study goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from myomotion.analysis.provenance import input_hashes
from myomotion.files import file_sha256, write_bytes
from tools.bundle import BUNDLES, ROOT
from tools.peers import PEERS
from tools.study.config import WEIGHT_KEYS, Method

SHIPPED = (
    BUNDLES / "cardiac_motion_reg" / "models" / "model.pt",
    BUNDLES / "vae_regulariser" / "models" / "model.pt",
)
# Code that decides results: how cines are read and scored, and then the methods themselves.
SCORING = (
    "tools/evaluate/scores.py",
    "tools/study/regions.py",
    *(f"bundles/myomotion/core/{n}.py" for n in ("contours", "kinematics", "flow", "working_grid")),
    *(f"bundles/myomotion/{n}.py" for n in ("analysis/grids", "transforms/load_cine")),
    "bundles/myomotion/io",
)
OWN = (
    "bundles/cardiac_motion_reg/configs/inference.yaml",
    *(f"bundles/myomotion/{n}.py" for n in ("transforms/refine_motion", "inferers/sequence")),
    *(f"bundles/myomotion/networks/{n}.py" for n in ("pyramid", "siamese", "gradient_vae")),
    *(f"bundles/myomotion/{n}.py" for n in ("refinement/field", "core/integrator")),
    *(f"bundles/myomotion/losses/{n}.py" for n in ("similarity", "smoothness", "plausibility")),
)


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
    content = {
        "method": method.method,
        "settings": settings,
        "weights": [file_sha256(p) for p in (*named, *_shipped(method)) if p.is_file()],
        "data": input_hashes(study),
        "code": {name: _code_sha256(ROOT / name) for name in _code(method)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def kept(path: Path, key: str, compute: Callable[[], Any]) -> Any:
    """The result of an earlier run with the same key, else a new one, which is written.

    Args:
        path: JSON file of the result.
        key: see :func:`result_key`.
        compute: gives a result that JSON can hold (NaN included).

    Returns:
        The result.
    """
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("key") == key:
            return content["result"]
    result = compute()
    write_bytes(path, (json.dumps({"key": key, "result": result}, indent=1) + "\n").encode())
    return result


def _shipped(method: Method) -> Sequence[Path]:
    return () if method.method in ("identity", "demons", *PEERS) else SHIPPED


def _code_sha256(path: Path) -> str:
    """SHA-256 of a file of code, or of the names and sums of all in a folder."""
    if path.is_file():
        return file_sha256(path)
    sums = [f"{p.relative_to(path).as_posix()} {file_sha256(p)}" for p in path.rglob("*.py")]
    return hashlib.sha256("\n".join(sorted(sums)).encode()).hexdigest()


def _code(method: Method) -> list[str]:
    if method.method == "identity":
        return list(SCORING)
    if method.method in PEERS:
        return [*SCORING, f"tools/peers/{method.method}.py"]
    if method.method == "demons":
        return [*SCORING, "bundles/myomotion/demons.py"]
    latent = ["bundles/myomotion/refinement/latent.py"] if method.method == "latent" else []
    return [*SCORING, *OWN, *latent]
