"""The kinds of heart that the virtual population is drawn from, and their ranges.

Shapes are those of end-diastole at the mid level; lengths in mm. Sources of the ranges:

- normal: Petersen et al., Reference ranges for cardiac structure and function using CMR in
  Caucasians from the UK Biobank population cohort, JCMR 2017; Kawel-Boehm et al., Reference ranges
  ("normal values") for cardiovascular magnetic resonance in adults and children: 2020 update, JCMR
  2020. The in-plane growth of the muscle follows from a longitudinal shortening of 10 to 22 %
  (the same), DENSE finds less (Spottiswoode et al., Magnetic Resonance in Medicine 2008).
- small: cavity and wall of small women and of adolescents, Kawel-Boehm et al. 2020.
- athlete: Scharhag et al., Athlete's heart: right and left ventricular mass and function in male
  endurance athletes and untrained individuals, JACC 2002; Utomi et al., Heart 2013.
- hypertrophic: walls of 13 to 30 mm, mostly of the septum, and small vigorous cavities that
  obliterate towards the apex: Ommen et al., AHA/ACC guideline for hypertrophic cardiomyopathy,
  Circulation 2020; Maron et al., Hypertrophic cardiomyopathy phenotype revisited after 50 years
  with cardiovascular magnetic resonance, JACC 2009.
- dilated: Pinto et al., Proposal for a revised definition of dilated cardiomyopathy, European Heart
  Journal 2016; ejected shares of the cavity's area as the labels of failing hearts show them.
- infarcted: scars stiffer than healthy muscle and, when old, thin: Holmes, Borg and Covell,
  Structure and mechanics of healing myocardial infarcts, Annual Review of Biomedical Engineering
  2005; walls below 5.5 mm in old transmural infarcts: Shah et al., JAMA 2013.
- overloaded: the right ventricle flattens the septum, most at end-systole: Roeleveld et al.,
  Interventricular septal configuration at MR imaging and pulmonary arterial pressure in pulmonary
  hypertension, Radiology 2005.
- taper from base to apex and the main variations of shape (all kinds): Bai et al., A bi-ventricular
  cardiac atlas built from 1000+ high resolution MR images, Medical Image Analysis 2015.
- endocardium turning against the epicardium by a few degrees (all kinds): Stöhr et al., Left
  ventricular twist mechanics in the context of normal physiology and cardiovascular disease, AJP
  Heart 2016.

The area ratio is that of the muscle's inner surface. What a picture shows as the cavity loses more:
trabeculae and papillary muscles close up and press the blood out (:mod:`fem_sim.phantom.anatomy`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Ranges of one kind of heart; each is drawn from by :func:`within`.

    Attributes:
        share: of the population.
        cavity_radius: radius of the circle with the cavity's area, mm.
        wall: mean wall thickness, mm.
        area_ratio: cavity area at end-diastole over that at end-systole, mid level.
        shortening: in-plane growth of the muscle per ejected share of the cavity's area.
        asymmetry: relative thickening of the wall opposite the septum; negative thickens the
            septum.
        flattening: relative depth of the flattened septum.
        apical_vigour: factor of the ejected part of the ratio at the apex.
        scarred: probability of a stiff sector.
        stiffness: shear modulus in it over that of healthy muscle.
        thinned: share of the wall that is missing in it.
        right_ventricle: size of the right ventricle, relative.
    """

    share: float
    cavity_radius: Range
    wall: Range
    area_ratio: Range
    shortening: Range
    asymmetry: Range = (-0.2, 0.2)
    flattening: Range = (0.0, 0.12)
    apical_vigour: Range = (0.9, 1.6)
    scarred: float = 0.0
    stiffness: Range = (2.0, 8.0)
    thinned: Range = (0.0, 0.0)
    right_ventricle: Range = (0.9, 1.1)


KINDS: dict[str, Kind] = {
    "normal": Kind(
        share=0.25,
        cavity_radius=(20.0, 29.0),
        wall=(6.0, 10.5),
        area_ratio=(1.55, 3.3),
        shortening=(0.10, 0.36),
    ),
    "small": Kind(
        share=0.08,
        cavity_radius=(14.0, 21.0),
        wall=(5.0, 8.5),
        area_ratio=(1.6, 4.2),
        shortening=(0.10, 0.34),
    ),
    "athlete": Kind(
        share=0.08,
        cavity_radius=(26.0, 33.0),
        wall=(8.5, 13.0),
        area_ratio=(1.5, 2.7),
        shortening=(0.12, 0.36),
    ),
    "hypertrophic": Kind(
        share=0.23,
        cavity_radius=(15.0, 25.0),
        wall=(11.0, 19.0),
        area_ratio=(1.8, 6.0),
        shortening=(0.04, 0.24),
        asymmetry=(-0.45, 0.15),
        apical_vigour=(1.0, 2.2),
        scarred=0.15,
    ),
    "dilated": Kind(
        share=0.18,
        cavity_radius=(27.0, 39.0),
        wall=(5.0, 9.5),
        area_ratio=(1.05, 1.75),
        shortening=(0.0, 0.28),
        scarred=0.15,
    ),
    "infarcted": Kind(
        share=0.12,
        cavity_radius=(22.0, 34.0),
        wall=(6.0, 10.0),
        area_ratio=(1.1, 2.4),
        shortening=(0.0, 0.28),
        scarred=1.0,
        stiffness=(4.0, 40.0),
        thinned=(0.0, 0.5),
    ),
    "overloaded": Kind(
        share=0.06,
        cavity_radius=(17.0, 26.0),
        wall=(6.0, 10.0),
        area_ratio=(1.4, 3.2),
        shortening=(0.08, 0.32),
        asymmetry=(-0.1, 0.2),
        flattening=(0.12, 0.35),
        right_ventricle=(1.15, 1.6),
    ),
}


def draw_kind(rng: np.random.Generator) -> str:
    """Name of a kind, as often as its share says."""
    names = list(KINDS)
    shares = np.array([KINDS[name].share for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def within(rng: np.random.Generator, limits: Range) -> float:
    """A value within limits, the middle a little likelier than the ends."""
    low, high = limits
    return float(low + rng.beta(1.4, 1.4) * (high - low))
