"""Train and run bundles, one after the other, in one process that cannot reach a network.

Run as python run_bundles.py JOBS, with a JSON list of keyword arguments of ``monai.bundle.run``,
which is what ``python -m monai.bundle run`` calls. Not a test by itself: test_distribution.py
starts it.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any, NoReturn

ASKED: list[str] = []


def refuse(*arguments: Any, **options: Any) -> NoReturn:
    ASKED.append(str(arguments[-1:]))
    raise OSError(f"no network here: {arguments[-1:]}")


for blocked in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, blocked, refuse)
for blocked in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, blocked, refuse)

from monai.bundle import run  # noqa: E402

for job in json.loads(sys.argv[1]):
    run(**job)
assert not ASKED, f"the network was asked for {ASKED}"

import myomotion  # noqa: E402

print(f"code: {myomotion.__file__}")
