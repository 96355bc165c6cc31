"""The process of one peer: pairs in, displacements out.

python -m tools.peers PEER.py REQUEST.npz ANSWER.npz SETTINGS_AS_JSON
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

from tools.peers import PeerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; see :func:`tools.peers.register_pairs` for the arrays."""
    peer, request, answer, text = list(sys.argv[1:] if arguments is None else arguments)
    settings = json.loads(text)
    register = _register_of(Path(peer))
    parameters = inspect.signature(register).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    for name in settings:
        if name not in known:
            has = ", ".join(known) or "none"
            raise PeerError(f"{Path(peer).stem} has no setting {name!r}; it has: {has}.")
    fields, seconds = [], []
    with np.load(request, allow_pickle=False) as pairs:
        spacing = float(pairs["spacing"])
        images = [pairs[k].astype(np.float32) for k in ("moving", "reference", "mask")]
    for moving, reference, mask in zip(*images, strict=True):
        start = time.perf_counter()
        fields.append(register(moving, reference, mask, spacing, **settings))
        seconds.append(time.perf_counter() - start)
    # The first pair also loads libraries, so its time counts only where it is the only one.
    np.savez(answer, displacement=np.stack(fields), seconds=np.mean(seconds[1:] or seconds))
    return 0


def _register_of(path: Path) -> Callable[..., np.ndarray]:
    spec = spec_from_file_location(f"tools.peers.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    register: Callable[..., np.ndarray] = module.register
    return register


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PeerError as error:
        sys.exit(str(error))
