"""The process of one peer: pairs in, displacements out.

python -m tools.peers PEER REQUEST.npz ANSWER.npz SETTINGS_AS_JSON
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from tools.peers import PEERS, PeerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; see :func:`tools.peers.register_pairs` for the arrays."""
    peer, request, answer, text = list(sys.argv[1:] if arguments is None else arguments)
    settings = json.loads(text)
    if peer not in PEERS:
        raise PeerError(f"peer {peer!r} is unknown; use one of: {', '.join(PEERS)}.")
    register = importlib.import_module(f"tools.peers.{peer}").register
    known = list(inspect.signature(register).parameters)[4:]
    for name in settings:
        if name not in known:
            raise PeerError(f"{peer} has no setting {name!r}; it has: {', '.join(known)}.")
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


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PeerError as error:
        sys.exit(str(error))
