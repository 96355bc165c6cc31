"""Track cines in an application of the MONAI Deploy App SDK.

python tools/deploy_app/app.py -i CINES -o DIR -m BUNDLE

CINES is what the bundle's `dataset_dir` takes: a 4-D NIfTI cine, a study folder or a folder of
them. BUNDLE is a folder `cardiac_motion_reg` as `tools/unpack.py` makes it from a zip of
`python -m tools.package`. DIR receives the same folder for each study as `monai.bundle run` writes.
Runs in the environment of `requirements.txt` beside this file.

Three operators: the bundle's preprocessing, its network by way of MonaiBundleInferenceOperator, and
its postprocessing, all with the values of the bundle's `configs/inference.json`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from monai.bundle import ConfigParser
from monai.deploy.conditions import CountCondition
from monai.deploy.core import AppContext, Application, Image, IOType, Operator, OperatorSpec
from monai.deploy.operators.monai_bundle_inference_operator import (
    BundleConfigNames,
    IOMapping,
    MonaiBundleInferenceOperator,
)

LOG = logging.getLogger(__name__)
NOT_IN_BUNDLE = "none"  # the SDK runs no transforms where the configuration lacks the name


class CineOperator(Operator):
    """Read one study after the other and bring it to the network's grid."""

    def __init__(self, *args: Any, parts: ConfigParser, **options: Any) -> None:
        self.preprocessing = parts.get_parsed_content("preprocessing")
        self.studies = iter(parts.get_parsed_content("dataset").data)
        super().__init__(*args, **options)

    def setup(self, spec: OperatorSpec) -> None:
        """Outputs ``image``, for the network, and ``item``, the whole item of the bundle."""
        spec.output("image")
        spec.output("item")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Emit the next study."""
        item = self.preprocessing(next(self.studies))
        LOG.info("tracking %s", item["name"])
        op_output.emit(Image(np.asarray(item["image"]), metadata={}), "image")
        op_output.emit(item, "item")


class ResultOperator(Operator):
    """Integrate the network's output and write the study's folder."""

    def __init__(self, *args: Any, parts: ConfigParser, **options: Any) -> None:
        self.postprocessing = parts.get_parsed_content("postprocessing")
        super().__init__(*args, **options)

    def setup(self, spec: OperatorSpec) -> None:
        """Inputs ``pred``, the network's output, and ``item``."""
        spec.input("pred")
        spec.input("item")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Write one study."""
        item: Mapping[Any, Any] = op_input.receive("item")
        done = self.postprocessing({**item, "pred": op_input.receive("pred")})
        LOG.info("written: %s", done["output_folder"])


class MotionTrackingApp(Application):
    """Cines in, folders of motion and strain out."""

    def compose(self) -> None:
        """Join the operators; called by the SDK."""
        context: AppContext = Application.init_app_context(self.argv)
        # The SDK makes of a folder a model that it cannot call; without one it loads the bundle's.
        context.models = None
        parts = ConfigParser()
        parts.read_config(f"{context.model_path}/configs/inference.json")
        parts["bundle_root"] = str(context.model_path)
        parts["dataset_dir"] = str(context.input_path)
        parts["output_dir"] = str(context.output_path)
        count = CountCondition(self, len(parts.get_parsed_content("dataset").data))
        cine = CineOperator(self, count, parts=parts, name="cine")
        network = MonaiBundleInferenceOperator(
            self,
            input_mapping=[IOMapping("image", Image, IOType.IN_MEMORY)],
            output_mapping=[IOMapping("pred", np.ndarray, IOType.IN_MEMORY)],
            app_context=context,
            bundle_path=context.model_path,
            bundle_config_names=BundleConfigNames(NOT_IN_BUNDLE, NOT_IN_BUNDLE),
            name="network",
        )
        result = ResultOperator(self, parts=parts, name="result")
        self.add_flow(cine, network, {("image", "image")})
        self.add_flow(network, result, {("pred", "pred")})
        self.add_flow(cine, result, {("item", "item")})


if __name__ == "__main__":
    MotionTrackingApp().run()
