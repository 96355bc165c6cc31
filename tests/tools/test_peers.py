"""Other people's methods: the project's direction and units, clear words where one is absent."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from tests.support.paths import ROOT
from tools import peers
from tools.evaluate.__main__ import main as evaluate_main
from tools.evaluate.methods import make_tracker, method_names
from tools.peers import REQUIREMENTS, PeerError, peer_packages, register_pairs, require_peer
from tools.study.cache import result_key
from tools.study.config import Method

SPACING = 1.5
SHIFT = (2.0, -1.0)  # voxels


def needs(peer: str) -> None:
    """Skip where a peer's package is not installed."""
    try:
        require_peer(peer)
    except PeerError as error:
        pytest.skip(str(error))


def shifted_pair(seed: int = 0, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture and the same moved, ``moving(X + SHIFT) = reference(X)``."""
    noise = np.random.default_rng(seed).normal(size=(size, size))
    reference = ndimage.gaussian_filter(noise, 4)
    reference = (reference - reference.min()) / np.ptp(reference)
    return ndimage.shift(reference, SHIFT, mode="nearest", order=1), reference


def shrunk_pair() -> tuple[np.ndarray, np.ndarray]:
    """A disc with a soft edge, 12 and 16 voxels in radius."""
    radius = np.hypot(*(np.indices((64, 64)) - 31.5))
    small, large = (1 / (1 + np.exp(radius - r)) for r in (12, 16))
    return small, large


def middle(field: np.ndarray) -> np.ndarray:
    """Mean displacement away from the border."""
    quarter = field.shape[-1] // 4
    return field[:, quarter:-quarter, quarter:-quarter].mean((1, 2))


@pytest.mark.parametrize("peer", ["demons", "syn", "ffd"])
def test_peer_finds_a_shift_in_millimetres_from_reference_to_frame(peer: str) -> None:
    needs(peer)
    moving, reference = shifted_pair()
    mask = np.zeros(reference.shape, bool)
    mask[16:48, 16:48] = True
    fields, seconds = register_pairs(
        peer,
        moving[None],
        reference[None],
        mask[None],
        SPACING,
        {"syn": {"iterations": [20, 10, 5]}, "ffd": {"steps": 30}}.get(peer),
    )
    assert fields.shape == (1, 2, 64, 64) and seconds > 0
    assert middle(fields[0]) == pytest.approx(np.multiply(SHIFT, SPACING), abs=0.3)


@pytest.mark.parametrize("peer", ["demons", "syn", "ffd"])
def test_equal_images_do_not_move(peer: str) -> None:
    needs(peer)
    _, reference = shifted_pair()
    register = importlib.import_module(f"tools.peers.{peer}").register
    field = register(reference, reference, np.zeros(reference.shape), SPACING)
    assert np.abs(field).max() < 0.05  # millimetres; Adam takes small steps on rounding errors


@pytest.mark.slow
def test_demons_warp_the_frame_to_the_reference_in_their_process_as_in_this_one() -> None:
    needs("demons")
    from myomotion.core.flow import warp
    from tools.peers.demons import register

    moving, reference = shifted_pair()
    images = {"image": torch.from_numpy(np.stack([reference, moving])).float()[None]}
    item = {**images, "mask": torch.zeros(1, 1, 64, 64), "es_index": 1}
    field, _ = make_tracker("demons", spacing=SPACING)(item)
    here = register(moving, reference, np.zeros((64, 64)), SPACING)
    assert torch.equal(field[0], torch.from_numpy(here))
    warped = warp(images["image"][:, 1:], field / SPACING)[0, 0].numpy()
    inside = (slice(16, 48), slice(16, 48))
    before = np.abs(moving - reference)[inside].mean()
    assert np.abs(warped - reference)[inside].mean() < 0.2 * before


def test_volume_penalty_of_the_free_form_deformation_acts_in_the_mask() -> None:
    needs("ffd")
    from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
    from tools.peers.ffd import register

    moving, reference = shrunk_pair()
    wall = reference > 0.98
    deviation = []
    for volume in (0.0, 1.0):
        field = torch.from_numpy(register(moving, reference, wall, SPACING, volume=volume))[None]
        area = jacobian_determinant(displacement_gradient(field, SPACING))[0, 0].numpy()
        deviation.append(np.abs(area[wall] - 1).mean())
    assert deviation[1] < 0.5 * deviation[0]


def test_voxelmorph_moves_images_as_the_project_does(tmp_path: Path) -> None:
    needs("voxelmorph")
    from myomotion.core.flow import warp
    from tools.peers.voxelmorph import make_network, register

    network = make_network().eval()
    with torch.no_grad():  # an untrained network hardly moves anything
        network.flow_layer.conv0.weight.mul_(3e5)
    path = tmp_path / "weights.pt"
    torch.save(network.state_dict(), path)
    moving, reference = shifted_pair()
    field = register(moving, reference, np.zeros((64, 64)), SPACING, weights=str(path))
    assert np.abs(field).max() > 2 * SPACING
    images = [torch.from_numpy(x).float()[None, None] for x in (moving, reference)]
    with torch.no_grad():
        _, theirs = network(*images, return_warped_source=True)
    ours = warp(images[0], torch.from_numpy(field)[None] / SPACING)
    inside = (slice(None), slice(None), slice(16, 48), slice(16, 48))
    assert (ours - theirs)[inside].abs().max() < 1e-3
    assert (images[0] - theirs)[inside].abs().max() > 0.05


@pytest.mark.slow
def test_voxelmorph_training_brings_the_images_together() -> None:
    needs("voxelmorph")
    from myomotion.core.flow import warp
    from tools.peers.voxelmorph import train

    moving, reference = (torch.from_numpy(x).float() for x in shrunk_pair())
    cine = torch.stack([reference, moving])[None]
    network = train([cine], steps=150, learning_rate=3e-3, progress=False)
    with torch.no_grad():
        field = network(moving[None, None], reference[None, None])
    after = (warp(moving[None, None], field)[0, 0] - reference).square().mean()
    assert after < 0.6 * (moving - reference).square().mean()


def test_voxelmorph_training_repeats_itself() -> None:
    needs("voxelmorph")
    from tools.peers.voxelmorph import train

    cines = [torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))]
    first, second = (
        train(cines, steps=2, batch_size=2, seed=3, progress=False).state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_missing_weights_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    needs("voxelmorph")
    from tools.peers.voxelmorph import register

    with pytest.raises(PeerError, match=r"none\.pt.*python -m tools\.peers\.voxelmorph"):
        register(*np.zeros((3, 32, 32)), SPACING, weights=str(tmp_path / "none.pt"))


def test_absent_package_is_named_with_the_file_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    studies: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tools.peers.syn.PACKAGE", "no-such-package")
    options = ["--data", str(studies), "--method", "syn", "--output", str(tmp_path / "out.json")]
    assert evaluate_main(options) == 1
    message = capsys.readouterr().err
    assert "no-such-package" in message and "tools/requirements-peers.txt" in message
    assert not (tmp_path / "out.json").exists()


def test_error_in_the_process_of_a_peer_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.peers.syn.PACKAGE", "numpy")  # antspyx itself is not reached
    images = np.zeros((1, 8, 8))
    with pytest.raises(PeerError, match=r"no setting 'sigma_total'.*total_sigma"):
        register_pairs("syn", images, images, images, SPACING, {"sigma_total": 1.0})


def test_every_peer_is_a_method_and_its_package_is_pinned() -> None:
    files = (*ROOT.glob("*/requirements.txt"), ROOT / REQUIREMENTS)
    pinned = {line.split("==")[0] for f in files for line in f.read_text().splitlines()}
    assert {"demons", "syn", "ffd", "voxelmorph"} <= set(peer_packages()) <= set(method_names())
    assert set(peer_packages().values()) <= pinned


TOY = '''
"""Moves every image as one."""

import numpy as np

PACKAGE = "numpy"


def register(moving, reference, mask, spacing, *, shift=0.0):
    return np.stack([np.full(moving.shape, shift * spacing), np.zeros(moving.shape)])
'''


@pytest.mark.slow
def test_a_new_file_is_a_peer(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    studies: Path,
    tmp_path: Path,
) -> None:
    folder, output = tmp_path / "peers", tmp_path / "out.json"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY)
    monkeypatch.setattr(peers, "__path__", [*peers.__path__, str(folder)])
    options = ["--data", str(studies), "--method", "toy", "--only", "one", "--output", str(output)]
    assert evaluate_main([*options, "--set", "shift=2"]) == 0
    with np.load(tmp_path / "out" / "one.npz") as archive:
        field = archive["displacement"]
    assert (field[:, 0] == 2 * SPACING).all() and not field[:, 1].any()
    assert evaluate_main([*options, "--set", "turn=2"]) == 1
    assert "toy has no setting 'turn'; it has: shift." in capsys.readouterr().err
    method = Method(name="toy", label="toy", method="toy")
    assert method.reason_to_skip() is None
    before = result_key(method, {})
    (folder / "toy.py").write_text(TOY + "# changed\n")
    assert result_key(method, {}) != before
