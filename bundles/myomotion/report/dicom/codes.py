"""Codes of the standard for what the results say, and own ones where it has none."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from myomotion.core.segments import NAMES
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

OWN = "99MYOMOTION"  # a private scheme, as its 99 says
STRUCTURES = {  # label, type and region of what is segmented, by the internal code
    CAVITY: ("left ventricular cavity", Code("87878005", "SCT", "Left ventricle")),
    MYOCARDIUM: ("left ventricular myocardium", Code("74281007", "SCT", "Myocardium")),
    RIGHT_VENTRICLE: ("right ventricular cavity", Code("53085002", "SCT", "Right ventricle")),
}
COLOURS = {CAVITY: (220, 60, 60), MYOCARDIUM: (70, 170, 90), RIGHT_VENTRICLE: (60, 160, 200)}
PERCENT = codes.UCUM.Percent
MILLILITRE = Code("ml", "UCUM", "milliliter")
GRAM = Code("g", "UCUM", "gram")
LEFT_VENTRICLE = codes.SCT.LeftVentricle
# Numbers of the whole left ventricle in summary.json: concept and unit.
FUNCTION = {
    "lv_ef_percent": (Code("8811-2", "LN", "Left ventricular ejection fraction by MR"), PERCENT),
    "lv_edv_ml": (codes.LN.LeftVentricularEndDiastolicVolume, MILLILITRE),
    "lv_esv_ml": (codes.LN.LeftVentricularEndSystolicVolume, MILLILITRE),
    "lv_sv_ml": (codes.SCT.StrokeVolume, MILLILITRE),
    "lv_mass_g": (codes.LN.LeftVentricleMass, GRAM),
}
# Columns of strain.csv. The standard's Lagrangian strain is the change of length over the length at
# end-diastole, which is called engineering strain here; that of Green has no code.
STRAINS = {
    "engineering_ecc_percent": codes.DCM.CircumferentialLagrangianStrain,
    "engineering_err_percent": codes.DCM.RadialLagrangianStrain,
    "ecc_percent": Code("ECC", OWN, "Circumferential Green-Lagrange strain, reference ED"),
    "err_percent": Code("ERR", OWN, "Radial Green-Lagrange strain, reference ED"),
}
LIGHT = Code("LIGHT", OWN, "Quality of tracking")
LIGHTS = {
    light: Code(light.upper(), OWN, meaning)
    for light, meaning in {
        "green": "No doubt found",
        "amber": "Doubtful",
        "red": "Failed quality control",
    }.items()
}


def segment_site(number: int) -> Code:
    """Code of an AHA segment (CID 3717).

    Args:
        number: 1 to 16.
    """
    place = "".join(word.capitalize() for word in NAMES[number].split())
    found: Code = getattr(codes.cid3717, f"LeftVentricle{place}Segment")
    return found
