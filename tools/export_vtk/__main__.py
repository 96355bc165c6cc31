"""Export the moving myocardium of a tracked study as meshes for ParaView and 3D Slicer.

python -m tools.export_vtk RESULT/NAME --output DIR

Writes one surface a frame and NAME.pvd, which plays them; points are in LPS millimetres, as the
displacement files are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from fem_sim.command_line import make_parser, run_command
from myomotion.files.outputs import refuse_unsafe, replaced_folder
from tools.export_vtk.mesh import frame_mesh, slice_walls
from tools.export_vtk.result import read_result

MESH = "mesh"  # kind of the folder, see myomotion.files.outputs


def export_vtk(result: Path, output: Path) -> Path:
    """Write a result's wall as a mesh that moves.

    Every frame has the same cells, those of the mesh that the study's strain is taken on. Point
    data: ``displacement`` from end-diastole (LPS, mm); cell data: ``J``, ``Err`` and ``Ecc``
    (Green-Lagrange, percent, reference end-diastole) and ``slice``.

    Args:
        result: folder of a study that inference wrote.
        output: folder to write into; its ``NAME`` is replaced as a whole.

    Returns:
        The ``.pvd`` file: times in milliseconds where the result knows them, else frame numbers.

    Raises:
        InputError: if the folder is no finished result, has no label, or no slice can be meshed.
        OutputError: if ``NAME`` is the result or something else that is no such mesh.
    """
    study = read_result(result)
    target = output / study.name
    refuse_unsafe(target, [result], MESH)
    walls = slice_walls(study, result)
    with replaced_folder(target, MESH, [result]) as folder:
        for t in range(len(study.fields)):
            mesh = frame_mesh(study, walls, study.displacement(t))
            mesh.save(folder / f"{study.name}_{t:03d}.vtp")
        times = study.times_ms or [float(t) for t in range(len(study.fields))]
        names = [f"{study.name}_{t:03d}.vtp" for t in range(len(times))]
        text = collection(dict(zip(names, times, strict=True)))
        (folder / f"{study.name}.pvd").write_text(text, encoding="utf-8")
    return target / f"{study.name}.pvd"


def collection(times: Mapping[str, float]) -> str:
    """A ParaView data file that lists the frames.

    Args:
        times: of the frames, by the names of their files.

    Returns:
        XML.
    """
    entries = "".join(
        f'    <DataSet timestep="{time:g}" file={quoteattr(name)}/>\n'
        for name, time in times.items()
    )
    return (
        '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n  <Collection>\n'
        f"{entries}  </Collection>\n</VTKFile>\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.export_vtk", __doc__)
    parser.add_argument("result", type=Path, help="result folder of one study")
    parser.add_argument("--output", type=Path, required=True, help="folder of the meshes")
    options = parser.parse_args(arguments)
    return run_command(lambda: print(export_vtk(options.result, options.output)))


if __name__ == "__main__":
    sys.exit(main())
