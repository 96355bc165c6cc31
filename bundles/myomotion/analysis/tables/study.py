"""All tables of a study: what is written as CSV, and what Python is given as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from myomotion.analysis import quality
from myomotion.analysis.study import Study
from myomotion.analysis.tables import function, segment_timing, strain, wide

SHOWN_ROWS = 6


class Columns(dict[str, np.ndarray]):
    """A table as a dictionary of columns of equal length, which ``pandas.DataFrame`` takes.

    Numbers that are not known are NaN.
    """

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.values()))) if self else 0

    def where(self, **wanted: object) -> Columns:
        """The rows whose columns have the wanted values.

        Args:
            wanted: value by column.

        Returns:
            A table with the same columns.

        Examples:
            >>> result.table("strain").where(slice=1, segment=0)["ecc_percent"]
        """
        keep = np.ones(self.rows, bool)
        for name, value in wanted.items():
            keep &= self[name] == value
        return Columns({name: column[keep] for name, column in self.items()})

    def __repr__(self) -> str:
        """Size and names, not the values."""
        return f"Columns({self.rows} rows: {', '.join(self)})"

    def _repr_html_(self) -> str:
        """The first rows."""
        names = list(self)
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_text(self[n][i]))}</td>" for n in names) + "</tr>"
            for i in range(min(self.rows, SHOWN_ROWS))
        )
        more = f"<p>{self.rows} rows</p>" if self.rows > SHOWN_ROWS else ""
        style = "overflow-x: auto; max-width: 100%"
        return f'<div style="{style}"><table><tr>{head}</tr>{body}</table>{more}</div>'


def study_tables(study: Study) -> dict[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]]:
    """Tables of a study by name, each its columns and its rows.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        ``strain``, ``timing`` and ``segments`` where there is strain, ``function`` and ``areas``
        where there is a cavity, ``quality`` always; see docs/outputs.md of the bundle.
    """
    tables: dict[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]] = {}
    if study.rows:
        tables["strain"] = strain.columns(), study.rows
        tables["timing"] = segment_timing.columns(), study.timing
        row = {"name": study.cine.name, **wide.wide_row(study.summary)}
        tables["segments"] = ["name", *wide.wide_columns()], [row]
    if study.function is not None:
        tables["function"] = (
            function.VOLUME_COLUMNS,
            function.volume_rows(study.function, study.cine),
        )
        tables["areas"] = (
            function.AREA_COLUMNS,
            function.area_rows(study.function.areas, study.cine),
        )
    tables["quality"] = quality.columns(), study.quality.frames
    return tables


def as_columns(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Rows as arrays.

    Args:
        columns: names and order.
        rows: values by column; None is not known.

    Returns:
        Whole numbers as int64, numbers as float64 with NaN for None, text as str.
    """
    return Columns({name: _array([row[name] for row in rows]) for name in columns})


def _array(values: Sequence[Any]) -> np.ndarray:
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else str(value) for value in values])
    if values and all(isinstance(value, (int, np.integer)) for value in values):
        return np.array(values, np.int64)
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
