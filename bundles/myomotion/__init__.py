"""Dense myocardial motion from short-axis cine MRI: the code shared by the bundles of this project.

Displacement fields live on the end-diastolic (reference) grid and point from a reference point to
where that point is in frame ``t``: ``x_t = X + u(X)``. Tensors are ``(B, 2, H, W)``; channel ``i``
is the component along spatial axis ``i``. Networks and warping work in voxels of the working grid,
everything public and everything on disk is in millimetres.
"""

__version__ = "0.1.0"
