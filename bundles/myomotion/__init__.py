"""Dense myocardial motion from short-axis cine MRI: the code shared by the bundles of this project.

Displacement fields live on the end-diastolic (reference) grid and point from a reference point to
where that point is in frame ``t``: ``x_t = X + u(X)``. Tensors are ``(B, 2, H, W)``; channel ``i``
is the component along spatial axis ``i``. Networks and warping work in voxels of the working grid,
everything public and everything on disk is in millimetres.

``myomotion.track(cine)`` is the one call from a cine to motion, strain and pictures.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myomotion.tracker import Tracker as Tracker
    from myomotion.tracker import track as track

__version__ = "0.3.0"


def __getattr__(name: str) -> Any:
    """``track`` and ``Tracker``, imported when they are asked for: they load torch and MONAI."""
    if name in ("track", "Tracker"):
        from importlib import import_module

        return getattr(import_module("myomotion.tracker"), name)
    raise AttributeError(f"module 'myomotion' has no attribute {name!r}")
