"""Public data sets that can be converted: one file each, and their line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.convert.acdc import find_acdc
from tools.convert.mnms import find_mnms
from tools.convert.mnms2 import find_mnms2
from tools.convert.source import Reader
from tools.convert.sunnybrook import find_sunnybrook
from tools.convert.ukbb import find_ukbb

#: Gives a reader for each subject of a data set's folder, by the subject's name.
LAYOUTS: dict[str, Callable[[Path], dict[str, Reader]]] = {
    "acdc": find_acdc,
    "mnms": find_mnms,
    "mnms2": find_mnms2,
    "sunnybrook": find_sunnybrook,
    "ukbb": find_ukbb,
}
