"""Command line: ``python -m fem_sim COMMAND``; the commands are those of :data:`COMMANDS`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from fem_sim.command_line import add_seed, add_workers, run_command
from myomotion.errors import SettingError

COMMANDS = {
    "simulate": "simulate motion cycles of a virtual population or of label maps",
    "phantom": "make virtual cines with known motion, from cycles or from a real ED frame",
    "slices": "draw single virtual slices with labels, at any level and phase",
    "hearts3d": "simulate whole left ventricles in three dimensions over a beat",
    "stacks3d": "slice simulated ventricles as a scanner does: cines with true motion in space",
    "modes3d": "learn how simulated ventricles move, for the lift of slices into space",
    "show": "draw simulated cycles: mesh, deformation, area change and strain",
    "verify": "measure every claim made about the simulator",
}
# Options of phantom that say how pictures are drawn, by what fem_sim.phantom.render calls them.
PICTURES = {
    "spacing_range": "spacing",
    "matrix": "matrix",
    "translation_mm": "translation",
    "rotation_deg": "rotation",
    "snr_range": "snr",
}
# Packages of commands that have another name.
PACKAGES = {"hearts3d": "heart3d", "stacks3d": "heart3d.stacks", "modes3d": "heart3d.modes"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: command line without the program's name.

    Returns:
        Exit status.
    """
    return run_command(lambda: _command(arguments), ValueError, RuntimeError, level=logging.INFO)


def _command(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fem_sim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name == "simulate":
            _add_simulate(command)
        elif name == "phantom":
            _add_phantom(command)
        elif name == "slices":
            _add_common(command)
            command.add_argument("--count", type=int, default=5040, help="slices (default 5040)")
        else:
            _module(name).add_arguments(command)
    options = parser.parse_args(arguments)
    if options.command == "simulate":
        return _simulate(options)
    if options.command == "phantom":
        return _phantom(options)
    if options.command == "slices":
        return _slices(options)
    return int(_module(options.command).run(options))


def _module(command: str) -> ModuleType:
    """Module of a command that has one of its own."""
    return import_module(f"fem_sim.{PACKAGES.get(command, command)}.command")


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--output", type=Path, required=True, help="folder of the results")
    add_seed(command)
    add_workers(command)
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_simulate(command: argparse.ArgumentParser) -> None:
    from fem_sim.mechanics.materials.registry import MATERIALS, NeoHookean
    from fem_sim.population.dynamics import PRESETS
    from myomotion.io.labels import LABEL_CODINGS

    command.add_argument(
        "sources",
        type=Path,
        nargs="*",
        help="NIfTI label maps or folders of them; none: the virtual population",
    )
    _add_common(command)
    command.add_argument(
        "--preset",
        choices=PRESETS,
        default="paper",
        help="physics: the paper's plane strain, or physiological (default paper)",
    )
    command.add_argument(
        "--material",
        choices=MATERIALS,
        default=NeoHookean.name,
        help="of the wall (default %(default)s)",
    )
    command.add_argument(
        "--count", type=int, help="slices of the virtual population, three a subject (default 60)"
    )
    command.add_argument(
        "--coding",
        help=f"label coding of the sources: auto, {', '.join(LABEL_CODINGS)}, or what each code "
        'means: "{1: myocardium, 2: cavity}"',
    )
    command.add_argument(
        "--phase", choices=("ES", "ED"), help="cardiac phase of the sources (default ES)"
    )
    command.add_argument(
        "--ratio",
        type=float,
        help="cavity area ED / ES of the sources (default: measured where the other phase is at "
        "hand, else drawn)",
    )
    command.add_argument(
        "--grid", choices=("ED", "ES"), default="ED", help="frame that the fields refer to"
    )
    command.add_argument("--levels", type=int, default=50, help="pressures of a cycle")
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster that shares the output folder (default: processes of this machine)",
    )


def _simulate(options: argparse.Namespace) -> int:
    from fem_sim.dataset import simulate_dataset
    from fem_sim.settings import DatasetSettings

    if options.sources:
        _refuse(options, ["count"], "with label maps")
    else:
        _refuse(options, ["coding", "phase", "ratio"], "without label maps")
    given = {setting.name: getattr(options, setting.name) for setting in fields(DatasetSettings)}
    listing = simulate_dataset(
        options.output,
        workers=options.workers,
        progress=not options.quiet,
        scheduler=options.scheduler,
        **{name: value for name, value in given.items() if value is not None},
    )
    print(listing)
    return 0


def _add_phantom(command: argparse.ArgumentParser) -> None:
    from fem_sim.phantom.render import CineSettings

    default = CineSettings()
    _add_common(command)
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--cycles",
        type=Path,
        help="folder of simulated cycles (default: simulate the physiological preset first)",
    )
    source.add_argument(
        "--animate",
        type=Path,
        help="study or folder of studies: move its real end-diastolic frame instead",
    )
    command.add_argument(
        "--count", type=int, help="slices to simulate where no cycles are given (default 60)"
    )
    command.add_argument("--ratio", type=float, help="cavity area ED / ES, with --animate")
    command.add_argument(
        "--frames", type=int, default=default.frames, help="frames of a cine (5 to 30)"
    )
    command.add_argument("--no-noise", action="store_true", help="no Rician noise")
    command.add_argument(
        "--spacing",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="range of the in-plane spacing in mm",
    )
    command.add_argument("--matrix", type=int, help="voxels along a side")
    command.add_argument(
        "--translation",
        type=float,
        help="largest rigid motion of the heart in mm",
    )
    command.add_argument(
        "--rotation",
        type=float,
        help="largest rigid rotation of a slice in degrees",
    )
    command.add_argument(
        "--snr",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="range of the blood's signal over the noise",
    )


def _phantom(options: argparse.Namespace) -> int:
    if options.animate is not None:
        from fem_sim.phantom.animate import animate

        _refuse(options, ["count", *PICTURES.values()], "with --animate")
        listing = animate(
            options.animate,
            options.output,
            seed=options.seed,
            ratio=options.ratio,
            frames=options.frames,
            noise=not options.no_noise,
            workers=options.workers,
            progress=not options.quiet,
        )
        print(listing)
        return 0
    from fem_sim.dataset import simulate_dataset
    from fem_sim.files import LISTING, RECORD
    from fem_sim.phantom.dataset import make_cines
    from myomotion.files.outputs import refuse_unsafe

    if options.cycles is not None:
        _refuse(options, ["count", "ratio"], "with --cycles")
    _refuse(options, ["ratio"], "without --animate")
    common = {"seed": options.seed, "workers": options.workers, "progress": not options.quiet}
    cycles = options.cycles
    if cycles is None:
        for name in (RECORD, LISTING):  # known before minutes of simulation
            refuse_unsafe(options.output / name)
        cycles = options.output / "cycles"
        count = {} if options.count is None else {"count": options.count}
        simulate_dataset(cycles, preset="physiological", **count, **common)
    pictures: dict[str, Any] = {
        setting: tuple(value) if isinstance(value, list) else value
        for setting, name in PICTURES.items()
        if (value := getattr(options, name)) is not None
    }
    listing = make_cines(
        options.output,
        cycles=cycles,
        frames=options.frames,
        noise=not options.no_noise,
        **pictures,
        **common,
    )
    print(listing)
    return 0


def _refuse(options: argparse.Namespace, names: Sequence[str], where: str) -> None:
    """Refuse options that would do nothing.

    Args:
        options: of the command, None where one was not given.
        names: of those that do nothing.
        where: when they do not.

    Raises:
        SettingError: naming the first that was given.
    """
    for name in names:
        if getattr(options, name) is not None:
            raise SettingError(f"--{name}: does nothing {where}. Leave it out.")


def _slices(options: argparse.Namespace) -> int:
    from fem_sim.stills.dataset import make_stills

    progress = not options.quiet
    chosen = {"count": options.count, "seed": options.seed, "workers": options.workers}
    print(make_stills(options.output, **chosen, progress=progress))
    return 0


if __name__ == "__main__":
    sys.exit(main())
