"""Load and run the unzipped bundles in one process that cannot reach a network.

Run from the folder that holds them: python unzipped_bundles.py STUDIES CYCLES OUTPUT. Not a test by
itself: test_package.py starts it, so that no code of the repository is at hand.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any, NoReturn


def refuse(*arguments: Any, **options: Any) -> NoReturn:
    raise AssertionError(f"the network was asked for {arguments[-1:]}")


for blocked in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, blocked, refuse)
for blocked in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, blocked, refuse)

import torch  # noqa: E402
from monai.bundle import ConfigWorkflow, load  # noqa: E402

NETWORKS = {  # shapes of input and output
    "cardiac_motion_reg": ((1, 2, 96, 96), (1, 2, 96, 96)),
    "vae_regulariser": ((1, 4, 80, 80), (1, 4, 80, 80)),
    "ventricle_segmentation": ((1, 1, 128, 128), (1, 4, 128, 128)),
}


def workflow(name: str, **options: Any) -> ConfigWorkflow:
    made = ConfigWorkflow(
        config_file=f"{name}/configs/inference.json",
        workflow_type="inference",
        logging_file=False,
        **options,
    )
    made.initialize()
    return made


def main(studies: str, cycles: str, output: str) -> None:
    data = {
        "cardiac_motion_reg": studies,
        "vae_regulariser": cycles,
        "ventricle_segmentation": studies,
    }
    for name, (taken, given) in NETWORKS.items():
        for kind in ("train", "inference"):
            network = load(name, bundle_dir=".", workflow_type=kind, device="cpu")
            with torch.no_grad():
                assert network.eval()(torch.rand(taken)).shape == given
        running = workflow(name, dataset_dir=data[name], output_dir=f"{output}/{name}")
        assert running.check_properties() == []
        running.run()
        running.finalize()
    try:
        workflow("cardiac_motion_reg", cache_dir=f"{output}/cache").run()
    except SystemExit as error:
        print(error)
    import myomotion

    print(Path(myomotion.__file__).resolve().relative_to(Path.cwd().resolve()).as_posix())


if __name__ == "__main__":
    main(*sys.argv[1:])
