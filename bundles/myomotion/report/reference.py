"""Reference ranges that were measured as our numbers are, and for which there are none."""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """What nine in ten and more of the healthy lie within.

    Attributes:
        low: lower end.
        high: upper end.
        people: whom it is of.
    """

    low: float
    high: float
    people: str


#: Mid-wall Ecc by tagging, mean of three short-axis slices, Green-Lagrange percent; the wider of
#: the prediction intervals of 45 to 59 and 60 to 84 years.
SOURCE = (
    "Mid-wall Ecc by tagging, mean of three short-axis slices, at its peak: 129 people of 45 to 84 "
    "years without risk factors, 95 % prediction intervals (Venkatesh et al., J Magn Reson Imaging "
    "2015; 42:153)"
)
ECC_MID = {
    "female": Range(-20.8, -12.8, "women"),
    "male": Range(-21.3, -12.5, "men"),
    None: Range(-21.3, -12.5, "women and men"),
}
NO_OTHERS = (
    "No range is shown for the whole wall, the endocardium, radial strain or twist: published ones "
    "are of feature tracking, which reads other places, or of methods that see all of the rotation."
)


def mid_wall_range(sex: str | None) -> Range:
    """The range of mid-wall Ecc for a sex, or for both."""
    return ECC_MID[sex]
