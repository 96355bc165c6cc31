"""The autoencoder as TorchScript and ONNX, compared with itself in eager mode."""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from pathlib import Path

import torch

from myomotion.networks.gradient_vae import GradientVAE


def torchscript_difference(vae: GradientVAE, standardised: torch.Tensor) -> float:
    """Largest difference between the scripted and the eager network's output.

    Args:
        vae: the autoencoder.
        standardised: input ``(B, 4, size, size)``.

    Returns:
        In units of the largest output.
    """
    vae = _on_cpu(vae)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(vae), buffer)
    buffer.seek(0)
    with torch.no_grad():
        return _difference(torch.jit.load(buffer)(standardised.cpu()), vae(standardised.cpu()))


def onnx_difference(vae: GradientVAE, standardised: torch.Tensor) -> float:
    """Largest difference between ONNX Runtime's and the eager network's output.

    Args:
        vae: the autoencoder.
        standardised: input ``(B, 4, size, size)``.

    Returns:
        In units of the largest output.

    Raises:
        ImportError: without onnx or onnxruntime.
    """
    import onnx  # noqa: F401 - torch's exporter needs it and says so less clearly
    import onnxruntime

    vae = _on_cpu(vae)
    standardised = standardised.cpu()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            vae,
            (standardised,),
            path,
            input_names=["image"],
            output_names=["pred"],
            dynamic_axes={"image": {0: "batch"}, "pred": {0: "batch"}},
            dynamo=False,
            verbose=False,
        )
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": standardised.numpy()})
    with torch.no_grad():
        return _difference(torch.from_numpy(found), vae(standardised))


def _on_cpu(vae: GradientVAE) -> GradientVAE:
    return copy.deepcopy(vae).cpu().eval()


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())
