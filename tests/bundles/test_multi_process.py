"""Training in several processes: the overlay configurations."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.files.outputs import MARKER
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.weights import load_state
from tests.support.bundle_runs import NETWORKS
from tests.support.paths import BUNDLES
from tests.support.studies import write_study

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
    config_file=["configs/train.yaml", "../myomotion/configs/multi_gpu_train.yaml"],
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

# Started by torchrun, or alone. What is drawn at random differs between processes by design, so the
# comparison leaves it out: no augmentation, fixed pairs or frames, the mean of the posterior.
RECORDER = """
import json, os, sys
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
configs, options, output = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
rank, losses = os.environ.get("RANK", "0"), []
torch.randn_like = torch.zeros_like
workflow = ConfigWorkflow(
    config_file=configs, workflow_type="train", logging_file=False, run_id="training",
    device="cpu", output_dir=output, **options,
)
workflow.initialize()
trainer = workflow.parser.get_parsed_content("train::trainer")
trainer.add_event_handler(
    Events.ITERATION_COMPLETED, lambda engine: losses.append(float(engine.state.output[0]["loss"]))
)
workflow.run()
workflow.finalize()
with open(f"{output}/losses{rank}.json", "w") as file:
    json.dump(losses, file)
"""
EPOCHS = 4
RELATIVE = 1e-3  # of a loss; sums over processes and over a batch are rounded differently


@pytest.fixture
def environment() -> dict[str, str]:
    """Of processes that talk over loopback; the test is skipped where they cannot."""
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this torch has no gloo")
    loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if not loopback:
        pytest.skip("no loopback interface for gloo")
    return {
        **os.environ,
        "GLOO_SOCKET_IFNAME": loopback[0],
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


@pytest.fixture
def unlike_studies(tmp_path: Path) -> Path:
    """Three studies, two of them for training, whose end-systolic pairs differ."""
    for name, frames, systole in (("a", 4, 2), ("b", 6, 2), ("c", 4, 2)):
        folder = tmp_path / "studies" / name
        write_study(folder, frames=frames)
        (folder / "info.json").write_text(json.dumps({"ed_frame": 0, "es_frame": systole}))
    return tmp_path / "studies"


@pytest.mark.processes
@pytest.mark.parametrize("bundle", NETWORKS)
def test_two_processes_under_torchrun_follow_the_loss_of_one_with_the_same_batch(
    bundle: str,
    unlike_studies: Path,
    cycles: Path,
    drawn_slices: Path,
    vae_weights: Path,
    net_weights: Path,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {"epochs": EPOCHS, "val_interval": EPOCHS}
    if bundle != "ventricle_segmentation":
        options["train::prepare_batch::augment"] = False
    place = 2 if bundle == "cardiac_motion_reg" else 1  # of what draws from an item
    drawing = f"train::preprocessing::transforms::{place}"
    if bundle == "cardiac_motion_reg":
        pairs = {"_target_": "myomotion.transforms.frame_pairs.EndSystolicPairs"}
        options |= {"dataset_dir": str(unlike_studies), "vae_weights": str(vae_weights)}
        options |= {"start_from": str(net_weights), drawing: {"_requires_": "@code_path", **pairs}}
        # A first step moves each weight by the whole rate; larger ones leave random weights worse.
        options |= {"learning_rate": 3e-5}
        batch = "cines_per_batch"
    elif bundle == "ventricle_segmentation":
        options |= {"dataset_dir": str(drawn_slices), "train::preprocessing::transforms": ["@load"]}
        options |= {"channels": [4, 8], "half_precision": False}
        batch = "batch_size"
    else:
        frames = {"_target_": "myomotion.transforms.cycles.EveryCycleFrame"}
        options |= {"dataset_dir": str(cycles), "perturbation": 0}
        options |= {drawing: {"_requires_": "@code_path", **frames}}
        batch = "cycles_per_batch"

    def losses(processes: int) -> list[list[float]]:
        output = tmp_path / str(processes)
        configs = [
            BUNDLES / bundle / "configs" / "train.yaml",
            BUNDLES / "myomotion" / "configs" / "multi_gpu_train.yaml",
        ][:processes]
        script = tmp_path / "recorder.py"
        script.write_text(RECORDER)
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        done = subprocess.run(
            [
                *(sys.executable, *(launcher if processes > 1 else []), str(script)),
                json.dumps([str(path) for path in configs]),
                json.dumps({**options, batch: 2 // processes}),
                str(output),
            ],
            cwd=BUNDLES / bundle,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        paths = [output / f"losses{rank}.json" for rank in range(processes)]
        return [json.loads(path.read_text()) for path in paths]

    (alone,), (first, other) = losses(1), losses(2)
    assert len(alone) == len(first) == len(other) == EPOCHS
    assert not np.allclose(first, other, rtol=10 * RELATIVE)  # each had a share of its own
    assert alone[-1] < alone[0]
    together = np.mean([first, other], axis=0)
    assert np.allclose(together, alone, rtol=RELATIVE, atol=0), (together.tolist(), alone)


@pytest.mark.processes
def test_two_processes_train_one_network(
    studies: Path, vae_weights: Path, environment: dict[str, str], tmp_path: Path
) -> None:
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
    load_state(RecurrentMotionNet(), output / "model.pt")
    first, second = (torch.load(output / f"rank{r}.pt", weights_only=True) for r in range(2))
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert sorted(p.name for p in output.iterdir() if "tfevents" not in p.name) == [
        MARKER,
        "model.pt",
        "rank0.pt",
        "rank1.pt",
    ]
