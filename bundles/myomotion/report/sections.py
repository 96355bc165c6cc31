"""The parts of a report below its moving pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from myomotion.analysis import quality
from myomotion.analysis.motion import Motion
from myomotion.analysis.quality import LIGHTS, RED, StudyQuality
from myomotion.analysis.quality_figures import FREE_RADIUS_MM, free_disc
from myomotion.io.cine import Cine
from myomotion.report.bullseye import bullseye
from myomotion.report.charts import Line, legend, light_badge, line_chart

# Key of the slice's entry or row, heading, format.
NUMBERS = (
    ("ecc_percent", "Ecc, %", "{:.1f}"),
    ("err_percent", "Err, %", "{:.1f}"),
    ("peak_ecc_percent", "lowest Ecc, %", "{:.1f}"),
    ("time_to_peak_ecc_percent_ms", "at, ms", "{:.0f}"),
    ("ejection_area_fraction", "ejected area", "{:.0%}"),
    ("mean_j", "mean J", "{:.2f}"),
    ("fold_fraction", "folds", "{:.1%}"),
    ("image_residual", "image residual", "{:.3f}"),
    ("image_residual_untracked", "untracked", "{:.3f}"),
    ("r_vae", "R_VAE", "{:.3f}"),
    ("r_vae_percentile", "percentile", "{:.0f}"),
    ("drift", "drift", "{:.0%}"),
    ("area_change_error", "area error, wall", "{:.2f}"),
    ("cavity_change_error", "cavity", "{:.2f}"),
)


def curves_section(
    cine: Cine,
    motion: Motion,
    rows: Sequence[Mapping[str, Any]],
    judged: StudyQuality,
    names: Sequence[str],
) -> str:
    """Curves over the cycle: strain, area and J; without a label J and displacement of a disc.

    Args:
        cine: the study.
        motion: its motion.
        rows: from :func:`~myomotion.analysis.strain.strain_rows`; may be empty.
        judged: from :func:`~myomotion.analysis.quality.assess`.
        names: of the slices.

    Returns:
        HTML text.
    """
    if cine.frame_times_ms is None:
        positions, x_label = list(range(len(motion.strain))), "frame"
    else:
        positions, x_label = cine.frame_times_ms.tolist(), "time, ms"
    failed = {s.slice for s in judged.slices if s.light == RED}
    marks = {"ED": cine.ed_frame, "ES": motion.es_frame}

    def chart(title: str, lines: list[Line], at_least: tuple[float, float]) -> str:
        return line_chart(title, lines, positions, x_label, marks, at_least)

    if not rows:
        part = {z: free_disc(motion, z) for z in range(len(names))}
        j = [
            Line(
                name=name,
                values=motion.working_jacobian[:, z][:, part[z]].mean(1).tolist(),
                faint=z in failed,
            )
            for z, name in enumerate(names)
        ]
        moved = [
            Line(
                name=name,
                values=[r["mean_displacement_mm"] for r in judged.frames if r["slice"] == z],
                faint=z in failed,
            )
            for z, name in enumerate(names)
        ]
        charts = [
            chart("Area change J, mean of the disc", j, (0.9, 1.1)),
            chart("Displacement, mean of the disc, mm", moved, (0, 2)),
        ]
        note = (
            f"The disc has a radius of {FREE_RADIUS_MM:g} mm about the middle of the "
            "picture. Without an end-diastolic myocardium label there is no wall to measure strain "
            "in."
        )
        return _section("Over the cycle", charts, legend(j), note)

    shown = sorted({int(row["slice"]) for row in rows})

    def lines(key: str) -> list[Line]:
        whole = [row for row in rows if row["segment"] == 0]
        return [
            Line(
                name=names[z],
                values=[np.nan if r[key] is None else r[key] for r in whole if r["slice"] == z],
                faint=z in failed,
            )
            for z in shown
            if all(r[key] is not None for r in whole if r["slice"] == z)
        ]

    charts = [
        chart("Circumferential strain Ecc, %", lines("ecc_percent"), (-20, 0)),
        chart("Radial strain Err, %", lines("err_percent"), (0, 30)),
        chart("Cavity area relative to end-diastole", lines("area_ratio"), (0.4, 1.0)),
        chart("Area change J of the wall", lines("mean_j"), (0.8, 1.2)),
    ]
    note = (
        "Green-Lagrange strain in percent, reference end-diastole, averaged over the end-diastolic "
        "myocardium of a slice. A real slice thickens in plane while it shortens along the axis, "
        "so J of 1.1 to 1.25 at end-systole is expected."
    )
    return _section("Over the cycle", charts, legend(lines("ecc_percent")), note)


def _section(title: str, charts: Sequence[str], key: str, note: str) -> str:
    body = "".join(f"<div>{chart}</div>" for chart in charts)
    return (
        f'<section><h2>{title}</h2><div class="charts">{body}</div>{key}'
        f'<p class="note">{escape(note)}</p></section>'
    )


def bullseyes_section(summary: Mapping[str, Any]) -> str:
    """Strain of the 16 segments at end-systole.

    Args:
        summary: from :func:`~myomotion.analysis.summary.study_summary`.

    Returns:
        HTML text.
    """
    segments = {int(k): v for k, v in summary["segments_at_end_systole"].items()}
    ecc = {k: v["ecc_percent"] for k, v in segments.items()}
    err = {k: v["err_percent"] for k, v in segments.items()}
    pictures = bullseye("Ecc at end-systole, %", ecc, (-25.0, 5.0), "RdYlBu_r") + bullseye(
        "Err at end-systole, %", err, (-10.0, 50.0), "RdYlBu"
    )
    note = (
        "16 segments of the American Heart Association, mean of the slices of a level. Grey: not "
        "measured, or its slices failed quality control. Blue contracts, red does not."
    )
    return (
        f'<section><h2>Segments</h2><div class="bulls">{pictures}</div>'
        f'<p class="note">{escape(note)}</p></section>'
    )


def numbers_section(
    motion: Motion,
    judged: StudyQuality,
    rows: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    names: Sequence[str],
) -> str:
    """Table of the figures of every slice, with what made its light amber or red.

    Args:
        motion: of the study.
        judged: from :func:`~myomotion.analysis.quality.assess`.
        rows: from :func:`~myomotion.analysis.strain.strain_rows`; may be empty.
        summary: from :func:`~myomotion.analysis.summary.study_summary`.
        names: of the slices.

    Returns:
        HTML text.
    """
    at_es = {r["slice"]: r for r in rows if r["segment"] == 0 and r["frame"] == motion.es_frame}
    frame_rows = {r["slice"]: r for r in judged.frames if r["frame"] == motion.es_frame}
    entries = [
        {**frame_rows[s["slice"]], **at_es.get(s["slice"], {}), **s} for s in summary["slices"]
    ]
    used = [n for n in NUMBERS if any(e.get(n[0]) is not None for e in entries)]
    head = "".join(f"<th>{escape(name)}</th>" for _, name, _ in used)
    body = ""
    for entry in entries:
        cells = "".join(f"<td>{_number(entry.get(key), form)}</td>" for key, _, form in used)
        failed = ' class="failed"' if entry["light"] == LIGHTS[RED] else ""
        body += (
            f"<tr{failed}><td>{escape(names[entry['slice']])}</td>"
            f"<td>{light_badge(entry['light'])}</td>{cells}</tr>"
        )
    means = summary["mean_of_slices_at_end_systole"]
    if means:
        cells = "".join(f"<td>{_number(means.get(key), form)}</td>" for key, _, form in used)
        body += f'<tr class="mean"><td>mean of {means["slices"]}</td><td></td>{cells}</tr>'
    reasons = "".join(
        f"<li>Slice {escape(names[s['slice']])}, {escape(reason)}.</li>"
        for s in summary["slices"]
        for reason in s["reasons"]
    )
    return (
        f'<div class="scroll"><table><tr><th>slice</th><th>light</th>{head}</tr>{body}</table>'
        f"</div>{f'<ul class=note>{reasons}</ul>' if reasons else ''}"
    )


def _number(value: Any, form: str) -> str:
    return "–" if value is None else form.format(value)


def numbers_note(labelled: bool, motion: Motion) -> str:
    """What the numbers are.

    Args:
        labelled: the study has an end-diastolic label.
        motion: of the study.

    Returns:
        A sentence or two.
    """
    start = f"At end-systole (frame {motion.es_frame}) unless said otherwise."
    if not labelled:
        return (
            f"{start} No strain: it needs an end-diastolic myocardium label. Figures are those of "
            f"a disc of {FREE_RADIUS_MM:g} mm radius."
        )
    return (
        f"{start} Strain is Green-Lagrange in percent, reference end-diastole. Slices whose light "
        "is red are crossed out and not part of the mean."
    )


def flags_section() -> str:
    """What the figures of quality mean, with their thresholds, as HTML."""
    percent = "{:.0%} and {:.0%}"
    items = (
        (
            "image residual",
            "How much the frame, moved back to end-diastole, still differs from it: root mean "
            "square in the wall and 3 voxels around, relative to the range of the end-diastolic "
            f"frame. Amber and red above {percent.format(*quality.RESIDUAL)}. Red as well if "
            "tracking made it worse (untracked: the same before tracking).",
        ),
        (
            "folds",
            "Share of the wall where the motion turns tissue inside out (J not above 0). Amber for "
            f"any, red above {quality.FOLDS[1]:.0%}.",
        ),
        (
            "R_VAE, percentile",
            "How far the motion is from those of simulated hearts, and where that lies among "
            "simulated motions of the same size. Tracked motion is rougher than a simulation, so "
            "percentiles near 100 are usual; amber and red where R_VAE exceeds the 99th percentile "
            f"{quality.PLAUSIBILITY[0]:g} and {quality.PLAUSIBILITY[1]:g} times.",
        ),
        (
            "drift",
            "Motion of the wall that is left in the last frame, relative to the largest of the "
            f"cycle. Amber and red above {percent.format(*quality.DRIFT)}, if it is more than "
            f"{quality.DRIFT_FLOOR_MM:g} mm. A cine that stops before the cycle ends drifts too.",
        ),
        (
            "area error",
            "Difference between the tracked and the labelled change of area at end-systole, of the "
            "wall and of the cavity, where end-systole is labelled. Amber and red above "
            f"{quality.AREA_CHANGE[0]:g} and {quality.AREA_CHANGE[1]:g} (wall), "
            f"{quality.CAVITY_CHANGE[0]:g} and {quality.CAVITY_CHANGE[1]:g} (cavity).",
        ),
        (
            "light of a slice",
            f"The light that at least {quality.FRAME_SHARE:.0%} of its frames have, or that of "
            "drift or area change, whichever is worse. Red slices are left out of means and "
            "bullseyes. A green light is no proof that the motion is right.",
        ),
    )
    return f"<dl>{''.join(f'<dt>{escape(a)}</dt><dd>{escape(b)}</dd>' for a, b in items)}</dl>"


def provenance_section(summary: Mapping[str, Any]) -> str:
    """Versions, hashes and parameters.

    Args:
        summary: from :func:`~myomotion.analysis.summary.study_summary`.

    Returns:
        HTML text.
    """
    versions = ", ".join(f"{k} {v}" for k, v in summary["versions"].items())
    items = [("versions", escape(versions))]
    for key, digest in summary["input_sha256"].items():
        name = str(summary["files"].get(key, key)).replace("\\", "/").rsplit("/", 1)[-1]
        items.append((escape(f"{key}: {name}"), f"<code>SHA-256 {digest}</code>"))
    for key, value in summary["parameters"].items():
        items.append((escape(key.replace("_", " ")), f"<code>{escape(str(value))}</code>"))
    return f"<dl>{''.join(f'<dt>{a}</dt><dd>{b}</dd>' for a, b in items)}</dl>"
