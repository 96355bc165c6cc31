"""Put on PYTHONPATH: Python talks to this machine only, and notes who asked for another.

Refused addresses go to the file that the variable REFUSED_ADDRESSES names.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "")


def refuse(host: object) -> None:
    if host is None or str(host) in HERE:
        return
    with Path(os.environ["REFUSED_ADDRESSES"]).open("a") as file:
        file.write(f"{host}\n")
    raise OSError(f"no network but loopback: {host}")


def guarded_connect(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse(address[0])
        return original(self, address)

    return connect


def guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        refuse(host.decode() if isinstance(host, bytes) else host)
        return original(host, *arguments, **options)

    return lookup


for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, guarded_connect(getattr(socket.socket, name)))
for name in ("getaddrinfo", "gethostbyname"):
    setattr(socket, name, guarded_lookup(getattr(socket, name)))
