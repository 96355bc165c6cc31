"""Dense myocardial motion from short-axis cine MRI: the code shared by the bundles of this project.

Displacement fields live on the end-diastolic (reference) grid and point from a reference point to
where that point is in frame ``t``: ``x_t = X + u(X)``. Tensors are ``(B, 2, H, W)``; channel ``i``
is the component along spatial axis ``i``. Networks and warping work in voxels of the working grid,
everything public and everything on disk is in millimetres.

``myomotion.track(cine)`` is the one call from a cine to motion, strain and pictures;
``myomotion.find_studies(folder)`` lists cines for a ``myomotion.Tracker``.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myomotion.io.studies import find_studies as find_studies
    from myomotion.tracker import Tracker as Tracker
    from myomotion.tracker import track as track

__version__ = "0.13.0"
HOMES = {
    "track": "myomotion.tracker",
    "Tracker": "myomotion.tracker",
    "find_studies": "myomotion.io.studies",
}


def __getattr__(name: str) -> Any:
    """What :data:`HOMES` names, imported when it is asked for: tracking loads torch and MONAI."""
    if name in HOMES:
        from importlib import import_module

        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'myomotion' has no attribute {name!r}")


class _OtherCopies:
    """Finds what this copy of the package lacks in another one on ``sys.path``.

    A packed bundle holds those modules that it can reach, and two bundles in one process share the
    copy that was imported first.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The module ``name``, asked for where Python has found none in this copy."""
        package, *inside = name.split(".")
        if package != __name__ or not inside:
            return None
        return PathFinder.find_spec(name, [str(Path(f, package, *inside[:-1])) for f in sys.path])


sys.meta_path.append(_OtherCopies())
