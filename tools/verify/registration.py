"""Measure every claim about the registration: real cines, virtual cines, cost.

python -m tools.verify registration --real DIR --groups DIR DIR --other-vendor DIR --virtual DIR \
    --output FILE.json
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scipy.stats import wilcoxon

from fem_sim import claims
from fem_sim.claims import Claim, at_least, at_most, below, not_run
from myomotion.io.built_in.cines import studies_of
from tools.bundle import VAE
from tools.evaluate.__main__ import evaluate, table_line
from tools.verify.folders import Kind, labelled_studies, virtual_cines, weights
from tools.verify.hearts import group_claims, vendor_claims
from tools.verify.registration_cost import cost_claims, gpu_claims

SELECTION = ("patient001", "patient002", "patient003")
HELD_OUT = ("patient004", "patient008", "patient009")
PAPER_PRIOR = {"vae_weights": str(VAE / "models" / "model_paper.pt"), "refine_alpha": 0.003}
ALPHAS = (0.1, 0.5, 1.0, 5.0)
VIRTUAL_LIMITS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("epe_mm", "mm", {"network": 0.7, "refined": 0.4}),
    ("ecc_error_points", "points", {"network": 0.6, "refined": 0.3}),
    ("err_error_points", "points", {"network": 6.0, "refined": 3.0}),
)

FOLDERS: dict[str, Kind] = {
    "real": labelled_studies,
    "groups": labelled_studies,
    "other_vendor": labelled_studies,
    "virtual": virtual_cines,
    "other_penalty": weights,
}

Results = dict[str, dict[str, Any]]


def real_claims(folder: Path, results: Results) -> Iterator[Claim]:
    """Accuracy on real cines, end-systole to end-diastole."""
    methods: tuple[tuple[str, str, dict[str, Any], dict[str, float]], ...] = (
        ("identity", "identity", {}, {}),
        ("demons", "demons", {}, {}),
        ("network", "network", {}, {"dice": 0.870, "mcd_mm": 1.07, "abs_j_minus_1": 0.10}),
        (
            "refined",
            "refined",
            {},
            {"dice": 0.888, "mcd_mm": 0.98, "abs_j_minus_1": 0.10, "area_change_error": 0.08},
        ),
        ("latent", "latent", {}, {}),
        (
            "refined, the paper's prior",
            "refined",
            PAPER_PRIOR,
            {"dice": 0.880, "mcd_mm": 1.02, "abs_j_minus_1": 0.06},
        ),
    )
    for name, method, changes, limits in methods:
        if "vae_weights" in changes and not Path(changes["vae_weights"]).is_file():
            yield not_run(f"real cines, {name}", "-", f"no weights {changes['vae_weights']}")
            continue
        result = evaluate(folder, method, **changes)
        results[f"real, {name}"] = result
        print(table_line({**result, "method": name}), flush=True)
        note = _held_out(result)
        for figure, limit in limits.items():
            check = at_least if figure == "dice" else at_most
            yield check(f"real cines, {name}: {figure}", result["mean"][figure], limit, "", note)
        if limits:
            folds = max(row["fold_fraction"] for row in result["slices"])
            yield at_most(f"real cines, {name}: folds in the myocardium", folds, 0)


def _held_out(result: dict[str, Any]) -> str:
    rows = [r for r in result["slices"] if r["study"] in HELD_OUT]
    if not rows:
        return ""
    means = (sum(r[k] for r in rows) / len(rows) for k in ("dice", "mcd_mm"))
    return "held out (4, 8, 9): Dice {:.3f}, MCD {:.2f} mm".format(*means)


def virtual_claims(folder: Path, count: int | None, results: Results) -> Iterator[Claim]:
    """Accuracy against the known motion of virtual test subjects, at end-systole."""
    only = [str(study["name"]) for study in studies_of(folder, "test")[:count]]
    for method in ("identity", "demons", "network", "refined"):
        result = evaluate(folder, method, section="test", only=only)
        results[f"virtual, {method}"] = result
        print(table_line({**result, "method": method}), flush=True)
        for figure, unit, limits in VIRTUAL_LIMITS:
            if method in limits:
                note = ", ".join(
                    f"{kind} {part['mean'][figure]:.2f}" for kind, part in result["groups"].items()
                )
                value = result["mean"][figure]
                yield at_most(f"virtual, {method}: {figure}", value, limits[method], unit, note)


def penalty_claims(folder: Path, weights: Path, results: Results) -> Iterator[Claim]:
    """Ours against the same network trained with another penalty, slice by slice."""
    ours = results.get("real, network") or evaluate(folder, "network")
    theirs = evaluate(folder, "network", weights=str(weights))
    results["real, network with the other penalty"] = theirs
    print(table_line({**theirs, "method": "other penalty"}), flush=True)
    values = [result["mean"]["abs_j_minus_1"] for result in (ours, theirs)]
    note = "{:.3f} and {:.3f}; the comparison is fair where they agree".format(*values)
    yield at_most(
        "||J|-1|, ours against the other penalty, difference", _gap(values), 0.005, "", note
    )
    for figure, sign in (("dice", 1), ("mcd_mm", -1)):
        for level in ("apical", "mid", "basal"):
            means = [result["levels"][level]["mean"][figure] for result in (ours, theirs)]
            note = "{:.3f} and {:.3f}".format(*means)
            gain = sign * (means[0] - means[1])
            yield at_least(
                f"real, {level}: {figure}, gain over the other penalty", gain, 0, "", note
            )
        pairs = [[row[figure] for row in result["slices"]] for result in (ours, theirs)]
        p_value = float(wilcoxon(*pairs).pvalue)
        note = f"Wilcoxon's signed-rank test over {len(pairs[0])} slices"
        yield at_most(
            f"real: {figure}, p of the gain over the other penalty", p_value, 0.05, "", note
        )


def _gap(values: Sequence[float]) -> float:
    return abs(values[0] - values[1])


def alpha_claims(folder: Path, results: Results) -> Iterator[Claim]:
    """``||J| - 1|`` falls as the weight of R_VAE in the refinement grows, on three patients."""
    names = {str(study["name"]) for study in studies_of(folder)}
    only = sorted(names.intersection(SELECTION))
    values = []
    for factor in ALPHAS:
        result = evaluate(folder, "refined", only=only, refine_alpha=0.003 * factor)
        results[f"real, refined, alpha x {factor:g}"] = result
        print(table_line({**result, "method": f"alpha x{factor:g}"}), flush=True)
        values.append(result["mean"]["abs_j_minus_1"])
    steps = [after - before for before, after in itertools.pairwise(values)]
    note = "||J|-1| " + ", ".join(f"{v:.3f}" for v in values)
    yield below(
        "refinement, alpha x 0.1, 0.5, 1, 5: largest rise of ||J|-1|", max(steps), 0, "", note
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument("--real", type=Path, help="real studies with labels at ED and ES")
    parser.add_argument(
        "--groups", type=Path, nargs="+", metavar="DIR", help="real studies by disease group"
    )
    parser.add_argument("--other-vendor", type=Path, help="real studies, the cavity labelled at ES")
    parser.add_argument("--virtual", type=Path, help="folder of virtual cines (its test section)")
    parser.add_argument(
        "--virtual-studies", type=int, metavar="N", help="test only on the first N virtual subjects"
    )
    parser.add_argument(
        "--other-penalty",
        type=Path,
        metavar="WEIGHTS",
        help="the same network trained with --penalty l2, compared on the real studies",
    )


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    results: Results = {}
    return claims.run(
        groups(options, results),
        options.output,
        only=options.only,
        further={"results": results},
    )


def groups(options: argparse.Namespace, results: Results) -> claims.Groups:
    """What is measured, in order. Cost comes first, before the other groups load the machine.

    Args:
        options: see :func:`add_arguments`.
        results: receives what :func:`tools.evaluate.__main__.evaluate` has found.
    """
    real, virtual = options.real, options.virtual
    on_virtual = partial(virtual_claims, count=options.virtual_studies)
    found: dict[str, Any] = {"cost": lambda: cost_claims(real), "gpu": lambda: gpu_claims(real)}
    for name, folder, measure in (
        ("real cines", real, real_claims),
        ("virtual cines", virtual, on_virtual),
        ("alpha", real, alpha_claims),
    ):
        if folder is None:
            found[name] = partial(_not_given, name)
        else:
            found[name] = partial(measure, folder, results=results)
    if options.groups:
        found["groups"] = lambda: group_claims(options.groups, results)
    if options.other_vendor:
        found["other vendor"] = lambda: vendor_claims(options.other_vendor, results)
    if real and options.other_penalty:
        found["penalty"] = lambda: penalty_claims(real, options.other_penalty, results)
    return found


def _not_given(name: str) -> list[Claim]:
    return [not_run(name, "-", "no folder given")]
