"""Start MONAI Label with the project's bundles; nothing is downloaded.

python tools/monai_label/serve.py BUNDLE [BUNDLE ...] --studies DIR [--app DIR] [--port 8000]

BUNDLE is a folder as `tools/unpack.py` makes it from a zip of `python -m tools.package`. Runs in
the environment of `requirements.txt` beside this file. `--app` receives MONAI Label's sample app
`monaibundle` and copies of the bundles. With `--refine-steps 12` the registration's motion is
refined with the autoencoder's R_VAE, which acts where the end-diastolic label has a wall.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

SAMPLE_APP = Path(sysconfig.get_path("data")) / "monailabel" / "sample-apps" / "monaibundle"
MARKER = ".myomotion.json"  # as in results of the bundles
OPERATORS = ("nms", "qnms")  # those that torchvision's Python code describes unasked


def make_app(app: Path, bundles: Sequence[Path]) -> list[str]:
    """Put the sample app and the bundles in place, replacing earlier ones.

    Args:
        app: folder to make.
        bundles: unpacked bundles.

    Returns:
        Names of the bundles.

    Raises:
        FileNotFoundError: if a folder is no bundle, or the sample app is not installed.
        FileExistsError: if ``app`` holds files that this program has not put there, or a bundle.
    """
    for bundle in bundles:
        if not (bundle / "configs" / "metadata.json").is_file():
            raise FileNotFoundError(
                f"{bundle}: no configs/metadata.json in it. Give the folder of an unpacked bundle."
            )
        if not (bundle / "myomotion").is_dir():
            raise FileNotFoundError(
                f"{bundle}: no myomotion in it. Pack it with `python -m tools.package`, then "
                "unpack it with `tools/unpack.py`."
            )
    if not SAMPLE_APP.is_dir():
        raise FileNotFoundError(
            f"{SAMPLE_APP}: not there. Install tools/monai_label/requirements.txt."
        )
    refuse_unsafe(app, bundles)
    app.mkdir(parents=True, exist_ok=True)
    (app / MARKER).write_text(json.dumps({"written_by": "myomotion", "kind": "app", "files": []}))
    shutil.copytree(SAMPLE_APP, app, dirs_exist_ok=True, ignore=shutil.ignore_patterns("logs"))
    names = [bundle.resolve().name for bundle in bundles]
    for name, bundle in zip(names, bundles, strict=True):
        target = app / "model" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(bundle, target, ignore=shutil.ignore_patterns("__pycache__", "output"))
    return names


def set_refinement(app: Path, steps: int) -> None:
    """Set the steps of refinement in the copies of bundles that know them.

    Args:
        app: folder of the app, see :func:`make_app`.
        steps: of each slice.
    """
    for path in app.glob("model/*/configs/inference.json"):  # MONAI Label takes it before the YAML
        config = json.loads(path.read_text(encoding="utf-8"))
        if "refine_steps" in config:
            config["refine_steps"] = steps
            path.write_text(json.dumps(config, indent=2), encoding="utf-8")


def refuse_unsafe(app: Path, bundles: Sequence[Path]) -> None:
    """Refuse a folder in which something of somebody else's would be replaced.

    It is checked here and not by the bundles' package, of which each bundle brings its own.

    Args:
        app: folder to make.
        bundles: unpacked bundles.

    Raises:
        FileExistsError: naming the folder and the fix.
    """
    place = app.resolve()
    for bundle in bundles:
        if place == bundle.resolve() or place in bundle.resolve().parents:
            raise FileExistsError(f"--app {app}: holds the bundle {bundle}. Choose another folder.")
    if app.exists() and any(app.iterdir()) and not (app / MARKER).is_file():
        raise FileExistsError(
            f"--app {app}: is there already and was not made by this command. Move it away or "
            "choose another folder."
        )


def declare_operators() -> torch.library.Library | None:
    """Make torchvision importable where it was built for another torch (CUDA beside CPU).

    MONAI Label imports it, but no bundle calls its operators.

    Returns:
        The declarations, which last as long as this object; None where torchvision is whole.
    """
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    try:
        for path in Path(spec.origin).parent.glob("_C.*"):
            torch.ops.load_library(str(path))
            return None
    except OSError as error:
        print(f"torchvision without operators: {error}", file=sys.stderr)
    declared = torch.library.Library("torchvision", "DEF")
    for name in OPERATORS:
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return declared


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns when the server has stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", type=Path, nargs="+", help="unpacked bundles")
    parser.add_argument("--studies", type=Path, required=True, help="folder of cines")
    parser.add_argument("--app", type=Path, default=Path("output/monai_label"), help="work folder")
    parser.add_argument(
        "--refine-steps", type=int, default=0, help="of the registration (default: network only)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address; 0.0.0.0: every interface")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    try:
        names = make_app(options.app, options.bundles)
        set_refinement(options.app, options.refine_steps)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    declared = declare_operators()
    from monailabel.main import Main

    # Any zoo_source but the default one looks for the bundles in app/model alone; SAM 2 would fetch
    # weights, and MONAI Label cannot make this project's training data.
    settings = {
        "models": ",".join(names),
        "zoo_source": "local",
        "sam2": "false",
        "skip_trainers": "true",
    }
    sys.argv = ["monailabel", "start_server", "--app", str(options.app.resolve())]
    sys.argv += ["--studies", str(options.studies.resolve()), "--host", options.host]
    sys.argv += ["--port", str(options.port)]
    for key, value in settings.items():
        sys.argv += ["--conf", key, value]
    os.chdir(options.app)  # a file here that is named like a study would be taken for its image
    Main().run()
    del declared
    return 0


if __name__ == "__main__":
    sys.exit(main())
