"""Other people's registration methods behind one interface, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = "tools/requirements-peers.txt"
PACKAGES = {"syn": "ants", "ffd": "deepali", "voxelmorph": "voxelmorph"}  # peer: what it imports
PEERS = tuple(PACKAGES)


class PeerError(ValueError):
    """A peer that cannot run; the message says why and what to do."""


def require_peer(peer: str) -> None:
    """Check that a peer's package is there.

    Args:
        peer: one of :data:`PEERS`.

    Raises:
        PeerError: if it is not.
    """
    package = PACKAGES[peer]
    if importlib.util.find_spec(package) is None:
        raise PeerError(
            f"method '{peer}' needs the package '{package}', which is not installed. The product "
            f"does without it; for the comparison make an environment of its own and install "
            f"requirements.txt and {REQUIREMENTS} there."
        )


def register_pairs(
    peer: str,
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    spacing: float,
    settings: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, float]:
    """Register pairs of 2-D images with a peer, in a process of its own on one core.

    Native libraries of several peers in one process clash; a process of its own also gives each the
    same conditions.

    Args:
        peer: one of :data:`PEERS`.
        moving: frames ``(N, H, W)`` on the working grid, intensities about 0 to 1.
        reference: end-diastolic frames ``(N, H, W)``.
        mask: end-diastolic myocardia ``(N, H, W)``, boolean; for peers with a penalty there.
        spacing: voxel size in millimetres.
        settings: keyword arguments of the peer's ``register``.

    Returns:
        Displacement ``(N, 2, H, W)`` in millimetres, component ``i`` along array axis ``i``, with
        ``moving(X + u(X))`` like ``reference(X)``; and the seconds a pair took, the first one left
        out where there are more.

    Raises:
        PeerError: if the package is missing, a setting is unknown or the peer fails.
    """
    require_peer(peer)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
        np.savez(request, moving=moving, reference=reference, mask=mask, spacing=spacing)
        command = [sys.executable, "-m", "tools.peers", peer, str(request), str(answer)]
        done = subprocess.run(
            [*command, json.dumps(dict(settings or {}))],
            cwd=ROOT,
            env={**os.environ, **one_core(), "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not answer.is_file():
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise PeerError(f"method '{peer}' failed: {last}")
        with np.load(answer, allow_pickle=False) as archive:
            return archive["displacement"], float(archive["seconds"])


def one_core() -> dict[str, str]:
    """Environment in which numeric libraries use one core."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return dict.fromkeys(names, "1")
