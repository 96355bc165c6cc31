"""Run by ParaView's own Python: opens files as its window does and says what it found.

pvpython open_in_paraview.py PICTURES FILE ...

Prints one JSON line: for each file its kind, times, and at each time points, cells, arrays and
bounds. PICTURES receives NAME.png of the last time, coloured by the first array.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from paraview.simple import (
    ColorBy,
    CreateView,
    Delete,
    OpenDataFile,
    Render,
    ResetCamera,
    SaveScreenshot,
    Show,
    UpdatePipeline,
)


def opened(path: Path, pictures: Path) -> dict[str, Any]:
    """What ParaView sees in a file."""
    source = OpenDataFile(str(path))
    if source is None:
        return {"error": "no reader"}
    UpdatePipeline(proxy=source)
    times = [float(time) for time in getattr(source, "TimestepValues", None) or [0.0]]
    frames = []
    for time in times:
        UpdatePipeline(time, proxy=source)
        info = source.GetDataInformation()
        arrays = [
            (place, kind.GetArray(index).GetName(), kind.GetArray(index).GetNumberOfComponents())
            for place, kind in (("POINTS", source.PointData), ("CELLS", source.CellData))
            for index in range(kind.GetNumberOfArrays())
        ]
        frames.append(
            {
                "points": info.GetNumberOfPoints(),
                "cells": info.GetNumberOfCells(),
                "bounds": list(info.GetBounds()),
                "arrays": [list(array) for array in arrays],
            }
        )
    view = CreateView("RenderView")
    view.ViewSize = [500, 400]
    view.ViewTime = times[-1]
    shown = Show(source, view)
    shown.Representation = "Surface"  # a grid is shown as its outline until one chooses
    if arrays:
        ColorBy(shown, arrays[0][:2])
        shown.RescaleTransferFunctionToDataRange(True)
    ResetCamera(view)
    Render(view)
    SaveScreenshot(str(pictures / f"{path.stem}.png"), view)
    Delete(view)
    return {"kind": source.GetXMLName(), "times": times, "frames": frames}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(json.dumps({name: opened(Path(name), folder) for name in sys.argv[2:]}))
