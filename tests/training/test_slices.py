"""Virtual slices as training data: what a file holds, and files that are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.errors import InputError
from myomotion.transforms.slices import LoadSliced

IMAGE = np.linspace(0, 250, 400).reshape(20, 20).astype(np.uint8)
LABEL = (IMAGE > 200).astype(np.uint8) * 3


def saved(path: Path, **content: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **content)


def cut(path: Path) -> None:
    saved(path, image=IMAGE, label=LABEL)
    path.write_bytes(path.read_bytes()[:-200])


def one_byte_changed(path: Path) -> None:
    saved(path, image=IMAGE, label=LABEL)
    content = bytearray(path.read_bytes())
    content[120] ^= 255
    path.write_bytes(bytes(content))


def pickled(path: Path) -> None:
    saved(path, image=np.array([None]), label=LABEL)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "not a drawn slice"),
    "empty": (lambda path: path.write_bytes(b""), "not a drawn slice"),
    "no archive": (lambda path: path.write_text("image"), "not a drawn slice"),
    "cut off": (cut, "not a drawn slice"),
    "changed": (one_byte_changed, "not a drawn slice"),
    "a pickle": (pickled, "not a drawn slice"),
    "no label": (lambda path: saved(path, image=IMAGE), "not a drawn slice"),
    "sizes": (lambda path: saved(path, image=IMAGE, label=LABEL[1:]), r"label \(19, 20\) are not"),
    "a volume": (lambda path: saved(path, image=IMAGE[None], label=LABEL[None]), "not one slice"),
    "codes": (lambda path: saved(path, image=IMAGE, label=LABEL + 2), r"codes \[5\]; expected 0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_slice_is_refused_by_name(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "000007.npz"
    action, reason = DAMAGES[damage]
    action(path)
    with pytest.raises(InputError, match=rf"000007\.npz: .*{reason}"):
        LoadSliced()({"slice": str(path)})


def test_slice_is_scaled_by_its_own_percentiles_and_keeps_its_codes(tmp_path: Path) -> None:
    path = tmp_path / "slice.npz"
    saved(path, image=IMAGE, label=LABEL, kind=np.array("normal"))
    item = LoadSliced()({"slice": str(path), "name": "kept"})
    assert item["name"] == "kept" and "slice" not in item
    image, label = (torch.as_tensor(item[key]) for key in ("image", "label"))
    assert image.shape == label.shape == (1, 20, 20) and image.dtype == torch.float32
    low, high = np.percentile(IMAGE, (1, 99))
    expected = np.clip((IMAGE.astype(float) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(image[0], expected, atol=1e-3)
    np.testing.assert_array_equal(label[0], LABEL)
