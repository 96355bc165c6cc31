"""Other people's registration methods behind one interface, each in a process of its own.

A peer is a file of this folder with two names in it:

* ``PACKAGE``, the distribution that it needs, as in ``tools/requirements-peers.txt``;
* ``register(moving, reference, mask, spacing, *, ...)``, which gives the displacement of one pair
  (see ``syn.py``); its keyword-only parameters are the peer's settings.

Nothing else lists it: ``python -m tools.evaluate --method NAME`` finds it by the name of its file.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = "tools/requirements-peers.txt"


class PeerError(InputError):
    """A peer that cannot run; the message says why and what to do."""


def peer_packages() -> dict[str, str]:
    """The peers of this folder.

    Returns:
        Name of the peer to the package that it needs.
    """
    names = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    modules = {name: import_module(f"{__name__}.{name}") for name in names}
    return {name: m.PACKAGE for name, m in modules.items() if hasattr(m, "PACKAGE")}


def peer_file(peer: str) -> Path:
    """The file of a peer.

    Args:
        peer: one of :func:`peer_packages`.

    Returns:
        Its path.
    """
    return Path(str(import_module(f"{__name__}.{peer}").__file__))


def require_peer(peer: str) -> None:
    """Check that a peer's package is there.

    Args:
        peer: its name.

    Raises:
        PeerError: if there is no such peer, or its package is not installed.
    """
    packages = peer_packages()
    if peer not in packages:
        raise PeerError(f"peer {peer!r} is unknown; use one of: {', '.join(packages)}.")
    try:
        version(packages[peer])
    except PackageNotFoundError:
        raise PeerError(
            f"method '{peer}' needs the package '{packages[peer]}', which is not installed. The "
            "product does without it; for the comparison make an environment of its own and "
            f"install tools/requirements.txt and {REQUIREMENTS} there."
        ) from None


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
        peer: one of :func:`peer_packages`.
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
        PeerError: if the peer or a setting is unknown, the package is missing or the peer fails.
    """
    require_peer(peer)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
        np.savez(request, moving=moving, reference=reference, mask=mask, spacing=spacing)
        files = [str(path) for path in (peer_file(peer), request, answer)]
        done = subprocess.run(
            [sys.executable, "-m", "tools.peers", *files, json.dumps(dict(settings or {}))],
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
