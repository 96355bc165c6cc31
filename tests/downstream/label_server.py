"""A real MONAI Label server on this machine with the bundles, and what can be asked of it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.downstream.environments import loopback_only, python_of, unpacked_bundles
from tests.support.paths import ROOT
from tools.package.__main__ import NAMES

SERVE = ROOT / "tools" / "monai_label" / "serve.py"
PATIENCE = 180  # seconds until the server answers
REGISTRATION = "cardiac_motion_reg"
SEGMENTATION = "ventricle_segmentation"


@dataclass
class Server:
    """A running server and what it works with."""

    address: str
    bundles: Path
    studies: Path
    app: Path
    log: Path
    refused: Path

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.loads(answer.read())

    def infer(
        self,
        model: str,
        output: str,
        upload: Path | None = None,
        label: Path | None = None,
        **asked: object,
    ) -> bytes:
        """Send a request; ``image`` names a study of the server unless a file is sent along."""
        query = {"output": output}
        if upload is None:
            query["image"] = str(asked.pop("image"))
        parts = {"params": (None, json.dumps({"device": "cpu", **asked}).encode())}
        for name, path in (("file", upload), ("label", label)):
            if path is not None:
                parts[name] = (path.name, path.read_bytes())
        return self._send(f"/infer/{model}?{urllib.parse.urlencode(query)}", parts)

    def save_label(self, image: str, label: Path) -> None:
        """Keep a finished label of a study, as viewers submit one."""
        query = urllib.parse.urlencode({"image": image, "tag": "final"})
        parts = {"label": (label.name, label.read_bytes())}
        self._send(f"/datastore/label?{query}", parts, method="PUT")

    def label(self, image: str) -> bytes:
        """The finished label of a study."""
        query = urllib.parse.urlencode({"label": image, "tag": "final"})
        with urllib.request.urlopen(f"{self.address}/datastore/label?{query}", timeout=60) as kept:
            return kept.read()

    def _send(
        self, path: str, parts: dict[str, tuple[str | None, bytes]], method: str = "POST"
    ) -> bytes:
        boundary = uuid.uuid4().hex
        request = urllib.request.Request(
            self.address + path,
            data=form(parts, boundary),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert answer.status == 200
            return answer.read()


def form(parts: dict[str, tuple[str | None, bytes]], boundary: str) -> bytes:
    lines = []
    for name, (file, content) in parts.items():
        disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n"
        lines.append(head.encode() + content + b"\r\n")
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


@contextmanager
def running_server(folder: Path, studies: Path, *options: str) -> Iterator[Server]:
    """A server with all bundles, stopped at the end; skips the test without its environment.

    Args:
        folder: for what it needs.
        studies: folder of cines.
        options: of ``serve.py``.
    """
    python = python_of(".venv-label")
    bundles = unpacked_bundles(folder)
    port = free_port()
    made = Server(
        address=f"http://127.0.0.1:{port}",
        bundles=bundles,
        studies=studies,
        app=folder / "app",
        log=folder / "server.log",
        refused=folder / "refused.txt",
    )
    command = [python, SERVE, *(bundles / name for name in NAMES), "--studies", made.studies]
    command += ["--app", made.app, "--port", port, *options]
    with made.log.open("w") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=loopback_only(made.refused),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_up(made, process)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until_up(server: Server, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, server.log.read_text()[-3000:]
        try:
            server.get("/info/")
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer in {PATIENCE} s: {server.log.read_text()[-3000:]}")
