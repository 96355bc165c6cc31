"""Writing compressed NIfTI files, several at once."""

from __future__ import annotations

import io
import zlib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

THREADS = 2
MOST_BYTES = 200_000_000  # that wait to be compressed; the caller waits where there are more
LEVEL = 1  # of zlib: values from tracking are noise in their last bits, more effort gains little
GZIP = 16 + zlib.MAX_WBITS
# Bytes compressed at once: few, so that no second copy of a file is in memory, and many, because
# between two blocks a thread waits for its turn at the interpreter.
BLOCK = 1 << 24


class NiftiWriter:
    """Writes images on threads of their own while the caller makes the next ones.

    A context: leaving it waits until all files are there, and raises the first error of any.

    Examples:
        >>> with NiftiWriter() as writer:
        ...     writer.write(image, folder / "warped.nii.gz")
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS)
        self._pending: dict[Future[None], int] = {}

    def __enter__(self) -> NiftiWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After an error the folder goes: nothing may be written into it any more.
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self._finish(set(self._pending))

    def write(self, image: nib.Nifti1Image, path: Path, sparse: bool = False) -> None:
        """Begin to write an image; it may be changed once this returns.

        Args:
            image: what to write.
            path: a name that ends in ``.nii.gz``.
            sparse: most voxels are zero and the others noise, so that runs of equal bytes are all
                that is worth looking for.

        Raises:
            OSError: that an earlier file has met.
        """
        start, content = _serialised(image)
        size = len(start) + len(content)
        while self._pending and sum(self._pending.values()) + size > MOST_BYTES:
            self._finish(wait(self._pending, return_when=FIRST_COMPLETED).done)
        strategy = zlib.Z_RLE if sparse else zlib.Z_DEFAULT_STRATEGY
        self._pending[self._pool.submit(_pack, start, content, path, strategy)] = size

    def _finish(self, futures: Any) -> None:
        for future in futures:
            del self._pending[future]
            future.result()


def _serialised(image: nib.Nifti1Image) -> tuple[bytes, bytes]:
    """What ``image.to_bytes()`` gives, in two parts; a tenth of its time for unscaled values."""
    values, header = np.asanyarray(image.dataobj), image.header
    unscaled = bool(np.isnan(header["scl_slope"]) and np.isnan(header["scl_inter"]))
    if not unscaled or header.extensions or header.get_data_dtype() != values.dtype:
        return b"", image.to_bytes()
    image.update_header()
    head = header.copy()
    head.set_data_offset(head.single_vox_offset)
    head.set_slope_inter(1.0, 0.0)
    start = io.BytesIO()
    head.write_to(start)
    return start.getvalue(), values.tobytes(order="F")


def _pack(header: bytes, content: bytes, path: Path, strategy: int) -> None:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP, zlib.DEF_MEM_LEVEL, strategy)
    view = memoryview(content)
    with path.open("wb") as file:
        file.write(packer.compress(header))
        for start in range(0, len(view), BLOCK):
            file.write(packer.compress(view[start : start + BLOCK]))
        file.write(packer.flush())
