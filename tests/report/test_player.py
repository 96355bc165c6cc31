"""The player reads what the page holds, and draws nothing where a number is not known."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest

from myomotion.report.templates import environment
from tests.support.paths import BUNDLES

# A page of which the script sees the data alone; lists what is drawn on its canvas.
PAGE = """
const drawn = [];
const context = new Proxy({}, {
  get: (_, name) => (...values) => drawn.push([name, ...values]), set: () => true,
});
const listening = { addEventListener() {} };
const element = (id) => ({
  ...listening, textContent: id === 'data' ? DATA : '', value: 1, checked: true,
  getContext: () => context,
});
globalThis.document = { ...listening, getElementById: element, querySelectorAll: () => [] };
globalThis.window = { ...listening, matchMedia: () => ({ matches: true }) };
globalThis.Image = class { complete = true; };
SCRIPT
console.log(JSON.stringify(drawn));
"""


def embedded(data: dict[str, Any]) -> str:
    """Data as a page holds them."""
    return environment().from_string("{{ data | tojson }}").render(data=data)


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_number_that_is_not_finite_is_null_in_a_page(unknown: float) -> None:
    text = embedded({"times": [0.0, unknown], "level": "</script>"})
    assert text == '{"times":[0.0,null],"level":"\\u003c/script\\u003e"}'


def test_player_draws_what_is_known_of_a_contour_and_nothing_in_the_corner() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the player's script cannot be run")
    line = [128.0, 64.0, math.nan, math.nan, 192.0, 32.0]
    part = {"size": 256, "frames": ["", ""], "contours": [[line, line]], "paths": [[], []]}
    data = {"slices": [part], "frames": 2, "ed": 0, "es": 1, "times": None, "interval": 500}
    script = (BUNDLES / "myomotion" / "report" / "player.js").read_text(encoding="utf-8")
    page = PAGE.replace("DATA", json.dumps(embedded(data))).replace("SCRIPT", script)
    done = subprocess.run([node, "-e", page], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    drawn = [values for name, *values in json.loads(done.stdout) if name == "lineTo"]
    assert drawn == [[256, 128], [None, None], [384, 64]]  # a canvas leaves out what is NaN
