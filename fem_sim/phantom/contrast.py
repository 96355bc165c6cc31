"""From an ideal image to an MR magnitude image: coil bias, band-limited k-space, Rician noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Acquisition:
    """How one cine is acquired.

    Attributes:
        kept: fraction of k-space measured along axes (0, 1); the rest is zero-filled.
        taper: fraction of the measured band that is apodised (0 is a sharp cut, with ringing).
        snr: blood brightness over the noise standard deviation of one channel; None is noise-free.
        bias: (6,) coefficients of the log bias field, a quadratic polynomial on [-1, 1]^2.
        inflow: relative amplitude of the blood's brightness change over the cycle.
        inflow_phase: phase of that change, radians.
        band: dark band of off-resonance that stays where it is: direction (radians), offset and
            width on [-1, 1], depth; a depth of 0 for none.
    """

    kept: tuple[float, float]
    taper: float
    snr: float | None
    bias: np.ndarray
    inflow: float
    inflow_phase: float
    band: tuple[float, float, float, float]


def draw_acquisition(
    rng: np.random.Generator, *, snr_range: tuple[float, float], noise: bool
) -> Acquisition:
    """Draw the acquisition of one cine."""
    kept = (float(rng.uniform(0.8, 1.0)), float(rng.uniform(0.6, 1.0)))
    snr = float(rng.uniform(*snr_range))
    return Acquisition(
        kept=kept,
        taper=float(rng.uniform(0.1, 0.8)),
        snr=snr if noise else None,
        bias=rng.normal(0.0, [0.0, 0.3, 0.3, 0.12, 0.12, 0.12]),
        inflow=float(rng.uniform(0.0, 0.1)),
        inflow_phase=float(rng.uniform(0.0, 2 * np.pi)),
        band=_draw_band(rng),
    )


def _draw_band(rng: np.random.Generator) -> tuple[float, float, float, float]:
    depth = float(rng.uniform(0.2, 0.7)) if rng.random() < 0.3 else 0.0
    offset = float(rng.uniform(0.1, 0.9))
    return float(rng.uniform(0, 2 * np.pi)), offset, float(rng.uniform(0.02, 0.07)), depth


def band_field(band: tuple[float, float, float, float], shape: tuple[int, int]) -> np.ndarray:
    """Multiplicative dark band, see :class:`Acquisition`."""
    direction, offset, width, depth = band
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    across = (np.cos(direction) * x + np.sin(direction) * y - offset) / width
    return 1 - depth * np.exp(-0.5 * across**2)


def bias_field(coefficients: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Smooth multiplicative coil sensitivity, 1 at the centre of the field of view."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    return np.exp(np.tensordot(coefficients, terms, axes=1))


def blood_gain(acquisition: Acquisition, frames: int) -> np.ndarray:
    """(frames,) brightness factor of the blood, 1 at ED (frame 0)."""
    phase = 2 * np.pi * np.arange(frames) / frames + acquisition.inflow_phase
    return 1 + acquisition.inflow * (np.cos(phase) - np.cos(acquisition.inflow_phase))


def acquire(
    image: np.ndarray, acquisition: Acquisition, blood: float, rng: np.random.Generator
) -> np.ndarray:
    """Magnitude image (X, Y) of an ideal image (X, Y).

    The image times the coil bias goes to k-space, is cut to the measured band, gets complex white
    noise there, and returns as a magnitude: Rician noise, correlated when k-space is zero-filled.

    Args:
        image: ideal image.
        acquisition: band, noise and bias.
        blood: blood brightness that the SNR refers to.
        rng: generator of the noise.
    """
    gain = bias_field(acquisition.bias, image.shape) * band_field(acquisition.band, image.shape)
    spectrum = np.fft.fft2(image * gain, norm="ortho")
    windows = [
        _window(n, kept, acquisition.taper)
        for n, kept in zip(image.shape, acquisition.kept, strict=True)
    ]
    if acquisition.snr is not None:
        noise = rng.standard_normal((2, *image.shape)) * blood / acquisition.snr
        spectrum = spectrum + noise[0] + 1j * noise[1]
    return np.abs(np.fft.ifft2(spectrum * np.outer(*windows), norm="ortho"))


def _window(size: int, kept: float, taper: float) -> np.ndarray:
    """Tukey-like window over the measured band, in FFT order."""
    position = np.abs(np.fft.fftfreq(size)) / (0.5 * kept)
    rise = np.clip((position - (1 - taper)) / max(taper, 1e-6), 0.0, 1.0)
    return np.where(position <= 1.0, 0.5 * (1 + np.cos(np.pi * 0.8 * rise)), 0.0)
