"""The claims about the autoencoder: what makes a field wrong, the measures, the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from myomotion import vae_claims
from myomotion.claims import Claim, at_least, below, not_run
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant, masked_mean
from myomotion.errors import InputError
from myomotion.io.datalist import read_datalist
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.reference_cycle import without_rigid_part
from myomotion.training.vae import CycleErrors
from myomotion.transforms.cycles import LoadCycled
from myomotion.vae_exports import onnx_difference, torchscript_difference
from myomotion.vae_measures import (
    FieldSet,
    auroc,
    common_wall,
    descend,
    late_fields,
    prior_gradients,
    scores,
)
from myomotion.vae_pictures import save_pictures
from myomotion.vae_report import VaeReport
from myomotion.wrong_fields import (
    folded,
    mean_area_change,
    perturbed,
    scaled_to_area,
    turned,
    wall_rms,
)
from tests.support.analytic import ring_contraction, ring_labels
from tests.support.paths import BUNDLES

SPACING = 1.5
METRICS = {"relative_error": 0.05, "frame_error": 0.06, "es_error": 0.04}


@pytest.fixture(scope="module")
def fields() -> FieldSet:
    drops = (300.0, 500.0, 700.0, 900.0)
    u = np.stack([ring_contraction(area_drop=drop) for drop in drops])
    mask = np.broadcast_to(ring_labels() == 2, (len(drops), 1, 96, 96)).copy()
    return FieldSet(torch.from_numpy(u).float(), torch.from_numpy(mask).float())


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def regulariser(vae_weights: Path) -> Plausibility:
    return Plausibility(load_state(GradientVAE(), vae_weights))  # type: ignore[arg-type]


def test_perturbation_has_the_energy_asked_for_and_no_mean_rotation(
    fields: FieldSet, generator: torch.Generator
) -> None:
    wrong = perturbed(fields.displacement, fields.mask, SPACING, 0.5, generator)
    added = displacement_gradient(wrong - fields.displacement, SPACING)
    own = wall_rms(displacement_gradient(fields.displacement, SPACING), fields.mask)
    torch.testing.assert_close(wall_rms(added, fields.mask), 0.5 * own, rtol=1e-3, atol=0)
    mean = masked_mean(added, fields.mask)
    torch.testing.assert_close(mean[:, 2], mean[:, 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("area", [0.8, 1.25])
def test_scaling_gives_the_mean_area_asked_for(fields: FieldSet, area: float) -> None:
    wrong = scaled_to_area(fields.displacement, fields.mask, SPACING, area)
    found = mean_area_change(wrong, fields.mask, SPACING)
    torch.testing.assert_close(found, torch.full_like(found, area), rtol=1e-4, atol=0)
    ratio = [
        jacobian_determinant(displacement_gradient(u, SPACING))
        for u in (wrong, fields.displacement)
    ]
    assert float((ratio[0] / ratio[1]).std((2, 3)).max()) < 1e-4  # the same factor everywhere


def test_fold_lies_in_the_wall_and_turns_a_patch_over(
    fields: FieldSet, generator: torch.Generator
) -> None:
    before = jacobian_determinant(displacement_gradient(fields.displacement, SPACING))
    wrong = folded(fields.displacement, fields.mask, SPACING, generator)
    after = jacobian_determinant(displacement_gradient(wrong, SPACING))
    assert float((before * fields.mask).min()) >= 0
    for j, wall in zip(after, fields.mask, strict=True):
        assert float(j[wall > 0.5].min()) < -0.6  # incompressible: J goes from 1 to about -1
        assert 3 <= int((j[wall > 0.5] < 0).sum()) < 0.1 * float(wall.sum())


def test_turning_turns_the_deformation_gradient(fields: FieldSet) -> None:
    wrong = turned(fields.displacement, 15.0, SPACING)
    before, after = (
        displacement_gradient(u, SPACING).unflatten(1, (2, 2)) + torch.eye(2)[:, :, None, None]
        for u in (fields.displacement, wrong)
    )
    c, s = np.cos(np.deg2rad(15)), np.sin(np.deg2rad(15))
    rotation = torch.tensor([[c, -s], [s, c]], dtype=torch.float32)
    expected = torch.einsum("ij,bjkhw->bikhw", rotation, before)
    torch.testing.assert_close(after, expected, rtol=0, atol=2e-4)
    still, angle = without_rigid_part(wrong, fields.mask, SPACING)
    torch.testing.assert_close(angle, torch.full_like(angle, 15.0), rtol=0, atol=0.05)
    assert float(masked_mean(still, fields.mask).abs().max()) < 1e-4


def test_auroc_counts_pairs_in_the_right_order() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1
    assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 0
    assert auroc(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.5])) == pytest.approx(3.5 / 6)
    assert auroc(np.ones(5), np.ones(3)) == 0.5
    with pytest.raises(ValueError, match="finite"):
        auroc(np.array([np.nan]), np.ones(1))
    with pytest.raises(ValueError, match="0"):
        auroc(np.ones(1), np.array([]))


def test_cycle_error_is_pooled_and_the_frames_error_a_mean() -> None:
    vae = GradientVAE()
    vae.gradient_std.fill_(2.0)
    truth = torch.ones(2, 4, 80, 80) * torch.tensor([3.0, 1.0])[:, None, None, None]
    made = truth + torch.tensor([0.3, 0.4])[:, None, None, None]
    output = {
        "pred": (made, None, None),
        "label": {"gradient": truth, "mask": torch.ones(2, 1, 80, 80)},
    }
    found = {kind: float(CycleErrors(vae, kind)(output)) for kind in ("cycle", "frames", "es")}
    assert found["cycle"] == pytest.approx(np.sqrt(0.25 / 10), rel=1e-4)
    assert found["frames"] == pytest.approx((0.1 + 0.4) / 2, rel=1e-4)
    assert found["es"] == pytest.approx(0.1, rel=1e-4)
    with pytest.raises(ValueError, match="kind"):
        CycleErrors(vae, "median")


def test_late_fields_begin_with_end_systole(cycles: Path) -> None:
    loaded = [LoadCycled()(entry) for entry in read_datalist(cycles, "test", "cycle")]
    late = late_fields(loaded)
    assert torch.equal(late[0].displacement[1], loaded[1]["displacement"][-1])
    sizes = [float(s.displacement.abs().max()) for s in late]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 0


def test_descent_lowers_the_score(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> None:
    start = FieldSet(
        perturbed(fields.displacement, fields.mask, SPACING, 1.0, generator)[:2], fields.mask[:2]
    )
    end = FieldSet(descend(regulariser, start, steps=10), start.mask)
    assert (scores(regulariser, end) < scores(regulariser, start)).all()


def test_prior_of_a_decoder_that_gives_zero_is_incompressible(generator: torch.Generator) -> None:
    vae = GradientVAE()
    for parameter in vae.decoder.parameters():
        parameter.data.zero_()
    area = jacobian_determinant(prior_gradients(vae, 2, generator))
    assert area.shape == (2, 1, 80, 80)
    assert bool((area == 1).all())


def test_common_wall_is_what_half_of_the_slices_share() -> None:
    mask = torch.zeros(3, 1, 4, 4)
    mask[:2, :, 0] = 1
    mask[:1, :, 1] = 1
    assert torch.equal(common_wall(mask)[0, 0], torch.tensor([1.0, 0, 0, 0])[:, None].expand(4, 4))


def test_exports_equal_eager(vae_weights: Path) -> None:
    vae = load_state(GradientVAE(), vae_weights)
    assert isinstance(vae, GradientVAE)
    standardised = torch.randn(3, 4, 80, 80)
    assert torchscript_difference(vae, standardised) < 1e-5
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    assert onnx_difference(vae, standardised) < 1e-5


def test_claims_without_the_optional_data_are_not_run(
    regulariser: Plausibility, fields: FieldSet, tmp_path: Path
) -> None:
    for claims in (
        vae_claims.demons_claims(regulariser, fields, None),
        vae_claims.demons_claims(regulariser, fields, tmp_path / "none"),
        vae_claims.reference_claims(regulariser, fields, None),
    ):
        (claim,) = claims
        assert claim.passed is None
        assert claim.note


def test_a_measurement_that_breaks_fails_and_the_others_go_on(
    regulariser: Plausibility, fields: FieldSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr(vae_claims, "measure_cost", explode)
    monkeypatch.setattr(vae_claims, "DESCENT_STEPS", 1)
    monkeypatch.setattr(vae_claims, "ANGLES", (15.0,))
    found = list(vae_claims.all_claims(regulariser, [fields.every(2)] * 2, METRICS, "paper"))
    by_name = {claim.claim: claim for claim in found}
    assert by_name["cost"].passed is False
    assert "no clock" in by_name["cost"].note
    assert by_name["relative reconstruction error of grad u, paper"].passed is True
    assert by_name["relative change of R_VAE by rotations up to 15 degrees"].passed is True
    assert len(found) == 14


@pytest.mark.parametrize("value", [0.01, 0.2])
def test_report_is_written_before_the_status_is_given(
    value: float,
    regulariser: Plausibility,
    vae_weights: Path,
    cycles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measured(*_: object) -> list[Claim]:
        return [below("error", value, 0.1), not_run("peer", "< 1", "not at hand")]

    monkeypatch.setattr("myomotion.vae_report.all_claims", measured)
    loaded = [LoadCycled()(entry) for entry in read_datalist(cycles, "test", "cycle")]
    lines: list[str] = []
    path = tmp_path / "deep" / "claims.json"
    report = VaeReport(regulariser, loaded, "paper", vae_weights, output=path, emit=lines.append)
    if value < 0.1:
        report.run(METRICS)
    else:
        with pytest.raises(SystemExit, match="1"):
            report.run(METRICS)
    content = json.loads(path.read_text())
    assert [c["passed"] for c in content["claims"]] == [value < 0.1, None]
    assert content["test_slices"] == 2
    assert len(content["weights_sha256"]) == 64
    assert lines[0].startswith("PASS" if value < 0.1 else "FAIL")
    assert lines[1].startswith("NOT RUN")
    assert len(lines) == 3


def test_value_that_is_no_number_fails() -> None:
    assert below("x", float("nan"), 1).passed is False
    assert at_least("x", float("inf"), 1).passed is False


def test_unknown_preset_is_named(regulariser: Plausibility, vae_weights: Path) -> None:
    with pytest.raises(InputError, match="'rubber' is unknown"):
        VaeReport(regulariser, [], "rubber", vae_weights)


def test_pictures_are_drawn(regulariser: Plausibility, fields: FieldSet, tmp_path: Path) -> None:
    save_pictures(tmp_path, regulariser, [fields], None)
    for name in ("reconstructions", "modes", "prior", "wrong_fields"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_evaluation_config_has_every_property(cycles: Path, vae_weights: Path) -> None:
    from monai.bundle import ConfigWorkflow

    root = BUNDLES / "vae_regulariser"
    config = root / "configs" / "evaluate.yaml"
    workflow = ConfigWorkflow(
        config_file=str(config),
        meta_file=str(root / "configs" / "metadata.json"),
        logging_file=str(root / "configs" / "logging.conf"),
        workflow_type="inference",
        bundle_root=str(root),
        dataset_dir=str(cycles),
        weights=str(vae_weights),
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    parser = ConfigParser()
    parser.read_config(str(config))
    for key in ("weights", "preset", "real_cines", "reference_fields", "output", "pictures"):
        assert key in parser.config
