"""Codes of label maps: the internal ones, those of public data sets, and the user's own."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from myomotion.errors import InputError

CAVITY, MYOCARDIUM, RIGHT_VENTRICLE = 1, 2, 3

#: Code in a file to code in memory (0 background, 1 LV cavity, 2 LV myocardium, 3 RV cavity).
LABEL_CODINGS: dict[str, dict[int, int]] = {
    "internal": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "myocardium": {1: MYOCARDIUM},
    "acdc": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
    "mnms": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    # The one coding that is not one-to-one: some exports have the right ventricle as 4.
    "ukbb": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: RIGHT_VENTRICLE},
}

#: What a user may call a structure in a coding of their own.
NAMES = {
    "background": 0,
    "cavity": CAVITY,
    "myocardium": MYOCARDIUM,
    "right_ventricle": RIGHT_VENTRICLE,
}


def coding_table(coding: str | Mapping[object, object]) -> dict[int, int]:
    """Code in a file to code in memory, of a named coding or one that the user gives.

    Args:
        coding: a key of :data:`LABEL_CODINGS`, or codes with the :data:`NAMES` of what they mean,
            as a mapping or its text: ``{1: myocardium, 2: cavity}``.

    Returns:
        The table, without the background.

    Raises:
        InputError: for an unknown name, or a code that is no whole number.

    Examples:
        >>> coding_table("{1: myocardium, 4: cavity}")
        {1: 2, 4: 1}
    """
    if isinstance(coding, str) and coding.strip().lower() in LABEL_CODINGS:
        return LABEL_CODINGS[coding.strip().lower()]
    content: object = coding
    if isinstance(coding, str) and coding.lstrip().startswith("{"):
        try:
            content = yaml.safe_load(coding)
        except yaml.YAMLError:
            content = None
    if not isinstance(content, Mapping) or not content:
        raise InputError(
            f"label_coding: '{coding}' is unknown. Use one of {', '.join(LABEL_CODINGS)} or auto, "
            'or say what each code means: "{1: myocardium, 2: cavity}".'
        )
    table = {}
    for code, name in content.items():
        meaning = NAMES.get(str(name).strip().lower().replace(" ", "_"))
        if not str(code).strip().isdecimal() or meaning is None:
            raise InputError(
                f"label_coding: '{code}: {name}' is not understood. Give a whole number and one of "
                f"{', '.join(NAMES)}."
            )
        table[int(str(code))] = meaning
    return table
