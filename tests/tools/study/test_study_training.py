"""Data sets of a study, and the networks that it trains."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from myomotion.inferers.bfloat16 import Bfloat16Inferer
from tools.bundle import REGISTRATION, ROOT
from tools.study import training
from tools.study.config import Method, Stage
from tools.study.sources import named_folders, real_set, studies_of


def test_trainings_run_once_in_their_order_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "ROOT", tmp_path)
    script = (
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); "
        "p.write_text(p.read_text() + sys.argv[2] if p.exists() else sys.argv[2])"
    )
    stages = tuple(
        Stage(command=f'python -c "{script}" {name}/model.pt {{real}}', makes=f"{name}/model.pt")
        for name in ("first", "second")
    )
    method = Method(name="m", label="m", method="network", training=stages)
    folders = {"real": Path("/cines")}
    assert training.train_missing([method], folders, progress=False) == []
    made = [tmp_path / stage.makes for stage in stages]
    assert [p.read_text() for p in made] == ["/cines", "/cines"]
    made[1].with_name("resume.pt").write_text("")  # interrupted in the second stage
    training.train_missing([method], folders, progress=False)
    assert [p.read_text() for p in made] == ["/cines", "/cines/cines"]


def test_a_training_that_cannot_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "ROOT", tmp_path)
    broken = Stage(command="python -c \"raise SystemExit('no luck')\"", makes="a/model.pt")
    lacking = Stage(command="python train.py {mnms}", makes="b/model.pt")
    methods = [
        Method(name=n, label=n, method="network", training=(s, s))
        for n, s in (("one", broken), ("two", lacking))
    ]
    first, second = training.train_missing(methods, {}, progress=False)
    assert "training of one: status 1: no luck" in first
    assert "training of two: needs the data set 'mnms'" in second


def test_trainings_on_a_real_set_see_the_selection_patients_alone(
    studies: Path, tmp_path: Path
) -> None:
    data = real_set("acdc", [studies], ["one"], tmp_path)
    assert data.kind == "real" and [s["name"] for s in data.held_out] == ["two"]
    for section in ("training", "validation"):
        (study,) = studies_of(data.folder, section)
        assert study["name"] == "one"


def test_names_of_data_sets() -> None:
    assert named_folders(["/a/b", "x=/c", "/d/mnms"]) == {
        "real": [Path("/a/b")],
        "x": [Path("/c")],
        "mnms": [Path("/d/mnms")],
    }
    assert named_folders(["x=/a", "x=/b"]) == {"x": [Path("/a"), Path("/b")]}
    for wrong in (["x=/a", "/b/x"], ["virtual=/a"], ["a b=/c"]):
        with pytest.raises(ValueError, match="cannot name this data set"):
            named_folders(wrong)


@pytest.mark.slow
def test_half_precision_stays_close_and_keeps_the_weights_single() -> None:
    from myomotion.networks.siamese import SiameseMotionNet

    torch.manual_seed(0)
    network = SiameseMotionNet(width=16)
    torch.nn.init.normal_(network.head[-1].weight, std=0.1)
    images = torch.rand(2, 2, 32, 32)
    output, exact = Bfloat16Inferer()(images, network), network(images)
    assert output.dtype == torch.float32 and not torch.equal(output, exact)
    assert (output - exact).abs().max() < 0.03 * exact.abs().max()
    output.square().mean().backward()
    first = next(network.parameters())
    assert first.dtype == first.grad.dtype == torch.float32 and bool(first.grad.any())


def test_papers_configuration_trains_the_papers_network_with_its_loss_alone() -> None:
    from monai.bundle import ConfigParser

    from myomotion.networks.siamese import SiameseMotionNet

    parser = ConfigParser()
    files = [REGISTRATION / "configs" / "train.yaml", ROOT / "tools" / "study" / "paper.yaml"]
    parser.read_config([str(f) for f in files])
    parser["bundle_root"] = str(REGISTRATION)
    network = parser.get_parsed_content("network")
    assert isinstance(network, SiameseMotionNet)
    assert network.trained["field"] == parser.get_parsed_content("integrator").field
    assert network.trained["field"] == "displacement"
    assert isinstance(parser.get_parsed_content("train::inferer"), Bfloat16Inferer)
    loss = parser.get_parsed_content("loss")
    assert loss.smoothness == loss.supervision == loss.labels == 0
    frames = torch.rand(1, 2, 96, 96)
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 30:60, 30:60] = 1
    field = 0.5 * torch.randn(1, 2, 96, 96)
    value = loss(field, {"moving": frames[:, :1], "reference": frames[:, 1:], "mask": mask})
    parts = loss.terms["similarity"] + loss.alpha * loss.terms["regulariser"]
    assert float(value) == pytest.approx(float(parts), rel=1e-5) and loss.terms["regulariser"] > 0
