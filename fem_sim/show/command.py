"""Pictures and films of simulated cycles: the wall's displacement, area change and strain."""

from __future__ import annotations

import argparse
import io
import logging
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from fem_sim.mechanics.cycle import Cycle
from fem_sim.show.maps import WallGrid, WallMaps, wall_mean
from fem_sim.show.render import (
    Panel,
    Renderer,
    choose_renderer,
    draw_with_matplotlib,
    draw_with_pyvista,
)
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import PROGRAM, claim

LOG = logging.getLogger(__name__)
RENDERERS = {"pyvista": draw_with_pyvista, "matplotlib": draw_with_matplotlib}
STRAIN_COLOURS = "RdBu_r"  # blue for shortening, red for lengthening
FILM_FRAMES = 40
FRAME_MS = 40
HEADER_PIXELS = 34
FONT_PIXELS = 17
LINES_AROUND = 48
LINES_ACROSS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``show``."""
    parser.add_argument(
        "cycles", nargs="+", type=Path, metavar="CYCLE.npz", help="simulated cycles to draw"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the pictures"
    )
    parser.add_argument(
        "--gif", action="store_true", help="also a film of the cycle, ED to ES and back"
    )
    parser.add_argument(
        "--renderer",
        choices=("auto", *RENDERERS),
        default="auto",
        help="auto (default): PyVista where it can draw off-screen, else Matplotlib",
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw every cycle named on the command line; see :func:`add_arguments`.

    Raises:
        ValueError: a cycle is missing or cannot be read, or two would share a file name.
        OutputError: a picture cannot be written.
    """
    _check_names(arguments.cycles)
    auto = arguments.renderer == "auto"
    draw = choose_renderer() if auto else RENDERERS[arguments.renderer]
    for path in arguments.cycles:
        for ending in ("png", "gif") if arguments.gif else ("png",):
            picture = arguments.output / f"{path.stem}.{ending}"
            claim(picture, arguments.cycles, signed=True)
    for path in arguments.cycles:
        cycle = _load(path)
        picture = arguments.output / f"{path.stem}.png"
        write_picture(picture, cycle, draw, path.name)
        LOG.info("wrote %s", picture)
        if arguments.gif:
            film = arguments.output / f"{path.stem}.gif"
            write_film(film, cycle, draw, path.name)
            LOG.info("wrote %s", film)
    return 0


def write_picture(path: Path, cycle: Cycle, draw: Renderer, name: str) -> None:
    """Write a PNG: wall grid at ED, then displacement, J, Err and Ecc on the wall at ES.

    Args:
        path: file to write.
        cycle: what to draw.
        draw: a renderer.
        name: what the header calls the cycle.

    Raises:
        OutputError: the file cannot be written.
    """
    grid = WallGrid(cycle)
    start, end = grid.maps(0), grid.maps(-1)
    j, err, ecc = (wall_mean(start.points, m) for m in (end.jacobian, end.err, end.ecc))
    header = (
        f"{name}     cavity area ED / ES: {cycle.area_ratio[0] / cycle.area_ratio[-1]:.2f}     "
        f"wall means at ES: J {j:.3f}, Err {100 * err:.1f} %, Ecc {100 * ecc:.1f} % "
        "(Green-Lagrange, reference ED)"
    )
    image = _with_header(draw(picture_panels(start, end)), header)
    file = io.BytesIO()
    notes = PngInfo()
    notes.add_text("Software", PROGRAM)
    image.save(file, format="PNG", pnginfo=notes)
    write_bytes(path, file.getvalue())


def write_film(path: Path, cycle: Cycle, draw: Renderer, name: str) -> None:
    """Write an endless GIF of the deforming wall, ED to ES and back, coloured by Ecc.

    Args:
        path: file to write.
        cycle: what to draw.
        draw: a renderer.
        name: what the header calls the cycle.

    Raises:
        OutputError: the file cannot be written.
    """
    grid = WallGrid(cycle)
    start = grid.maps(0)
    limit = _strain_limit(grid.maps(-1).ecc)
    images = []
    for frame in film_frames(len(cycle.displacement)):
        maps = grid.maps(frame)
        panel = _strain_panel(maps, maps.ecc, "Ecc", limit, edges=True, view=start.points)
        share = 100 * cycle.area_ratio[frame] / cycle.area_ratio[0]
        images.append(_with_header(draw([panel]), f"{name}     cavity {share:.0f} % of ED"))
    palette = _film_palette()
    frames = [i.quantize(palette=palette, dither=Image.Dither.NONE) for i in images]
    file = io.BytesIO()
    frames[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MS,
        loop=0,
        optimize=False,
        comment=f"Software: {PROGRAM}",
    )
    write_bytes(path, file.getvalue())


def film_frames(count: int) -> list[int]:
    """Frame numbers from ED (0) to ES (count - 1) and back, at most ``FILM_FRAMES``, ED once."""
    there = np.unique(np.linspace(0, count - 1, FILM_FRAMES // 2 + 1).round().astype(int))
    return [int(f) for f in (*there, *there[-2:0:-1])]


def picture_panels(start: WallMaps, end: WallMaps) -> list[Panel]:
    """The five panels of a picture.

    Args:
        start: the wall at end-diastole.
        end: the wall at end-systole.
    """
    depth = np.broadcast_to(
        np.linspace(0, 1, len(start.points))[:, None], start.points.shape[:2]
    ).copy()
    farthest = float(np.ceil(max(end.displacement.max(), 1.0)))
    change = _round_up(float(np.percentile(np.abs(end.jacobian - 1), 99)), 0.05)
    coarse = _grid_lines(end.points.shape[:2])
    return [
        Panel(
            start.points[coarse], depth[coarse], "ED: depth, 0 endo, 1 epi", (0, 1), "cividis", True
        ),
        Panel(
            end.points[coarse],
            end.displacement[coarse],
            "ES: displacement, mm",
            (0, farthest),
            edges=True,
        ),
        Panel(
            end.points,
            end.jacobian,
            "ES: J = det F (area change)",
            (1 - change, 1 + change),
            "PuOr_r",
        ),
        _strain_panel(end, end.err, "ES: Err", _strain_limit(end.err)),
        _strain_panel(end, end.ecc, "ES: Ecc", _strain_limit(end.ecc)),
    ]


def _strain_panel(
    maps: WallMaps,
    strain: np.ndarray,
    name: str,
    limit: float,
    *,
    edges: bool = False,
    view: np.ndarray | None = None,
) -> Panel:
    """Strain in per cent."""
    kept = _grid_lines(strain.shape) if edges else np.ix_(*map(range, strain.shape))
    title = f"{name}, %, Green-Lagrange, ref. ED"
    limits = (-limit, limit)
    return Panel(maps.points[kept], 100 * strain[kept], title, limits, STRAIN_COLOURS, edges, view)


def _strain_limit(strain: np.ndarray) -> float:
    """End of a symmetric colour range in per cent."""
    return _round_up(100 * float(np.percentile(np.abs(strain), 99)), 10.0)


def _round_up(value: float, step: float) -> float:
    """The next multiple of a step, at least one step."""
    return step * max(1.0, float(np.ceil(value / step - 1e-9)))


def _grid_lines(shape: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Selection of the rows and columns that are drawn as lines."""
    chosen = (
        np.unique(np.linspace(0, length - 1, min(lines, length)).round().astype(int))
        for length, lines in zip(shape, (LINES_ACROSS, LINES_AROUND + 1), strict=True)
    )
    return np.ix_(*chosen)


def _with_header(picture: np.ndarray, text: str) -> Image.Image:
    """The picture under one line of text, which shrinks where the picture is narrow."""
    drawn = Image.fromarray(np.ascontiguousarray(picture))
    image = Image.new("RGB", (drawn.width, drawn.height + HEADER_PIXELS), "white")
    image.paste(drawn, (0, HEADER_PIXELS))
    pen = ImageDraw.Draw(image)
    size = FONT_PIXELS
    while size > 8 and pen.textlength(text, ImageFont.load_default(size)) > image.width - 20:
        size -= 1
    place = (image.width / 2, HEADER_PIXELS / 2)
    pen.text(place, text, fill="black", font=ImageFont.load_default(size), anchor="mm")
    return image


def _film_palette() -> Image.Image:
    """Strain colours and greys; one palette for all frames, or flicker would look like motion."""
    strain = colormaps[STRAIN_COLOURS](np.linspace(0, 1, 224))[:, :3]
    greys = np.repeat(np.linspace(0, 1, 32)[:, None], 3, axis=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * np.concatenate([strain, greys])).round().astype(np.uint8).tobytes())
    return palette


def _check_names(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.is_file():
            raise ValueError(
                f"{path}: no such file. Give the .npz of a simulated cycle, as "
                "`python -m fem_sim simulate` writes it."
            )
    stem, count = Counter(path.stem for path in paths).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{stem}: {count} of the cycles have this name, so their pictures would overwrite one "
            "another. Draw them into different folders with --output."
        )


def _load(path: Path) -> Cycle:
    try:
        return Cycle.load(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: cannot be read ({error}). Simulate the cycle again.") from error
