"""Golden numbers: what the shipped weights say of one small cine that never changes.

python -m tests.golden.make             what differs from the committed numbers; status 1 if any
python -m tests.golden.make --accept    write the numbers of now, for a change that is wanted
python -m tests.golden.make --draw      draw the cine again, when the layout of a study changes

The cine is virtual: two rings that contract by a formula, rendered by fem_sim with noise, a right
ventricle, a shift and a twist, 64 x 64 voxels, 6 frames. It is stored, so that a change to the
simulator does not change it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.phantom.files import write_cine
from fem_sim.phantom.render import CineSettings, render_cine
from tests.golden.numbers import Numbers, differences, numbers_of, rounded
from tests.support.sim_ring import ring_cycle

HERE = Path(__file__).parent
CINE = HERE / "cine"
EXPECTED = HERE / "expected.json"
SEED = 11
RUNS: dict[str, dict[str, Any]] = {"network": {}, "refined": {"refine_steps": 15}}
# Everything is computed in single precision by torch's own kernels, which are alike on all
# processors: those of oneDNN depend on the units that there are, and on this small cine bfloat16
# in some of them makes 1.5 points of a segment's Err.
DRIFT = {"network": 1e-4, "refined": 2e-3}


def draw_cine() -> None:
    """Draw the cine, the same one each time; its truth is not kept."""
    settings = CineSettings(frames=6, matrix=64, spacing_range=(2.2, 2.2))
    cycles = [("basal", ring_cycle(19.0, 10.0, 1.9)), ("mid", ring_cycle(16.0, 10.0, 2.2))]
    cine = render_cine(cycles, settings, np.random.default_rng(SEED))
    write_cine(CINE, cine, {"seed": SEED})
    (CINE / "truth.npz").unlink()


def found_numbers(run: str) -> Numbers:
    """Numbers of now.

    Args:
        run: a key of :data:`RUNS`.

    Returns:
        See :func:`~tests.golden.numbers.numbers_of`.
    """
    import myomotion

    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        return numbers_of(myomotion.track(CINE, device="cpu", **RUNS[run]))
    finally:
        torch.backends.mkldnn.enabled = before


def expected_numbers() -> dict[str, Numbers]:
    """The committed numbers of each run."""
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.make",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--accept", action="store_true", help="write the numbers of now")
    parser.add_argument("--draw", action="store_true", help="draw the cine again first")
    options = parser.parse_args(arguments)
    if options.draw:
        draw_cine()
    found = {run: found_numbers(run) for run in RUNS}
    committed = expected_numbers() if EXPECTED.is_file() else {}
    changed = False
    for run, numbers in found.items():
        lines = differences(committed.get(run, {}), numbers, DRIFT[run])
        changed |= bool(lines)
        print(f"{run}: {len(numbers)} numbers, {len(lines)} differ")
        print(*(f"  {line}\n" for line in lines), sep="", end="")
    if options.accept:
        kept = {run: rounded(numbers) for run, numbers in found.items()}
        EXPECTED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"accepted: {EXPECTED}")
        return 0
    return int(changed)


if __name__ == "__main__":
    sys.exit(main())
