"""What a study was made with: commit, versions and class of machine; no dates, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from myomotion.analysis.provenance import versions
from tools.bundle import ROOT
from tools.peers import peer_packages
from tools.study.config import WEIGHT_KEYS, Method, StudyConfig


def circumstances(config: StudyConfig) -> dict[str, Any]:
    """Commit, versions, machine and settings.

    Args:
        config: the study.

    Returns:
        JSON-ready.
    """
    found = {}
    for package in ("scipy", *peer_packages().values()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": {**versions(), **found},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "seed": config.seed,
        "settings": {m.name: _settings(m) for m in (*config.methods, *config.transfer)},
    }


def _settings(method: Method) -> dict[str, Any]:
    found = {k: v for k, v in method.settings.items() if k not in WEIGHT_KEYS}
    training = [s.command for s in method.training]
    return {**found, **({"training": training} if training else {})}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
