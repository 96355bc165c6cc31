"""Training in several processes: the overlay configurations."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import BUNDLES

from myomotion.pyramid_net import PyramidMotionNet
from myomotion.weights import load_state

# No port and no host name: the processes meet over a file and talk over the loopback interface.
WORKER = """
import sys
import torch
import torch.distributed as dist
rank, meeting, dataset, vae, output = int(sys.argv[1]), *sys.argv[2:]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
dist.all_reduce(torch.ones(1))
print("gloo works", flush=True)
from monai.bundle import ConfigWorkflow
workflow = ConfigWorkflow(
    config_file=["configs/train.yaml", "configs/multi_gpu_train.yaml"],
    workflow_type="train", logging_file=False, run_id="training",
    epochs=2, val_interval=1, pairs_per_cine=2, device="cpu",
    dataset_dir=dataset, vae_weights=vae, output_dir=output,
)
workflow.initialize()
assert workflow.check_properties() == []
workflow.run()
network = workflow.parser.get_parsed_content("network")
torch.save(network.state_dict(), f"{output}/rank{rank}.pt")
workflow.finalize()
"""


@pytest.mark.processes
@pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this torch has no gloo",
)
def test_two_processes_train_one_network(studies: Path, vae_weights: Path, tmp_path: Path) -> None:
    loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if not loopback:
        pytest.skip("no loopback interface for gloo")
    environment = {
        **os.environ,
        "GLOO_SOCKET_IFNAME": loopback[0],
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    output = tmp_path / "train"
    arguments = [tmp_path / "meeting", studies, vae_weights, output]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), *map(str, arguments)],
            cwd=BUNDLES / "cardiac_motion_reg",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        logs = [worker.communicate(timeout=900)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    if not all("gloo works" in log for log in logs):
        pytest.skip(f"gloo cannot start on this machine: {logs[0][-500:]}")
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(x[-2000:] for x in logs)
    load_state(PyramidMotionNet(), output / "model.pt")
    first, second = (torch.load(output / f"rank{r}.pt", weights_only=True) for r in range(2))
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert sorted(p.name for p in output.iterdir() if "tfevents" not in p.name) == [
        "model.pt",
        "rank0.pt",
        "rank1.pt",
    ]
