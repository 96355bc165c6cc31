"""The ventricle in space in the report: numbers, curves, a cut, and the wall turning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from myomotion.analysis.study import Study
from myomotion.analysis.volume.lattice import ANGLES
from myomotion.analysis.volume.study import VolumeMotion
from myomotion.report.charts import Line, line_chart
from myomotion.report.player import png_url
from myomotion.report.turning import animated, turning_pictures

ROWS = (  # name, key, key of what it may be off by, format
    ("longitudinal shortening GLS, %", "gls_percent", "gls_uncertainty", "{:.1f}"),
    ("torsion, degrees/cm", "torsion_degrees_per_cm", "torsion_uncertainty", "{:.2f}"),
    ("ejection fraction by the surface, %", "ef_percent", "ef_uncertainty", "{:.1f}"),
    ("end-diastolic volume within the surface, ml", "edv_ml", "", "{:.0f}"),
    ("circumferential strain, mid-wall, %", "ecc_percent", "", "{:.1f}"),
    ("longitudinal strain, mid-wall, %", "ell_percent", "", "{:.1f}"),
    ("transmural strain, %", "ett_percent", "", "{:.1f}"),
)
CUT_WIDTH, CUT_HEIGHT, MARGIN = 360, 300, 12


class VolumeSection(NamedTuple):
    """What the page shows of it.

    Attributes:
        charts: SVG text.
        turning: the ventricle turning about its axis, data URL of an animated picture.
        still: the same at rest.
        rows: name and number.
        notes: sentences.
    """

    charts: list[Markup]
    turning: str
    still: str
    rows: list[tuple[str, str]]
    notes: list[str]


def volume_section(study: Study) -> VolumeSection | None:
    """Numbers, curves and picture.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        The section; None where the study was not lifted into space.
    """
    volume = study.volume
    if volume is None:
        return None
    cine, found = study.cine, study.summary["volume"]
    times = cine.frame_times_ms
    frames = list(range(len(volume.function.gls))) if times is None else times.tolist()
    label = "frame" if times is None else "time, ms"
    marks = {"ED": cine.ed_frame, "ES": study.motion.es_frame}
    charts = [
        line_chart(title, [Line(name=title, values=v.tolist(), place=0)], frames, label, marks, at)
        for title, v, at in (
            ("Longitudinal shortening GLS, %", volume.function.gls, (-15.0, 0.0)),
            ("Torsion, degrees/cm", volume.function.torsion, (0.0, 2.0)),
        )
    ]
    rows = []
    for name, key, error, form in ROWS:
        text = form.format(found[key])
        rows.append((name, f"{text} ± {form.format(found[error])}" if error else text))
    notes = [
        "What the slices show was lifted into space with modes of motion of simulated ventricles; "
        "± is one standard deviation by the fit, which knows nothing of what the simulated "
        "ventricles lack. The cut shows the wall at end-diastole (grey) and end-systole (red); the "
        "turning picture the endocardium within the epicardium, with lines of tissue from apex to "
        "base, the same ones in both.",
    ]
    pictures = turning_pictures(volume, study.motion.es_frame)
    return VolumeSection(
        charts=[*charts, cut(volume, study.motion.es_frame)],
        turning=animated(pictures),
        still=png_url(np.asarray(pictures[0])),
        rows=rows,
        notes=notes,
    )


def cut(volume: VolumeMotion, es_frame: int) -> Markup:
    """The wall cut from apex to base, at end-diastole and end-systole, as SVG.

    Args:
        volume: motion in space.
        es_frame: end-systolic frame.
    """
    half = len(ANGLES) // 2
    start = volume.lifted.shape.positions
    parts = []
    low, high = start[..., 2].min(), start[..., 2].max()
    wide = np.ptp(start[..., 0])
    scale = min((CUT_HEIGHT - 2 * MARGIN) / (high - low), (CUT_WIDTH - 2 * MARGIN) / wide)
    middle = start[..., 0].mean()
    for positions, color in ((start, "#9a9a9a"), (volume.lifted.positions[es_frame], "#b3322c")):
        for angle in (0, half):
            line = np.concatenate([positions[:, angle, 0], positions[::-1, angle, -1]])
            x = CUT_WIDTH / 2 + (line[:, 0] - middle) * scale
            y = CUT_HEIGHT - MARGIN - (line[:, 2] - low) * scale
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            parts.append(
                f'<polygon points="{points}" fill="{color}" fill-opacity="0.3" stroke="{color}" '
                'stroke-width="1.6"/>'
            )
    for level in volume.lifted.shape.levels:
        y = CUT_HEIGHT - MARGIN - (level - low) * scale
        parts.append(
            f'<line x1="0" x2="{CUT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c9c9c9" '
            'stroke-dasharray="2 4"/>'
        )
    return Markup(
        f'<svg viewBox="0 0 {CUT_WIDTH} {CUT_HEIGHT}" role="img" '
        'aria-label="the wall cut from apex to base at end-diastole and end-systole">'
        f"{''.join(parts)}</svg>"
    )
