"""The mel filters and the window of a contract; see docs/numerics.md."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from melmill._store.index import Contract

FloatArray = npt.NDArray[np.float64]

# Slaney's scale: linear below 1,000 Hz, logarithmic above.
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_HZ_PER_MEL = 200.0 / 3
_SLANEY_BREAK_MEL = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27


@functools.lru_cache(maxsize=8)
def filter_bank(contract: Contract) -> FloatArray:
    """Weight of each bin of the power spectrum, [n_fft / 2 + 1, n_mels]."""
    ends_hz = np.array([contract.f_min_hz, contract.f_max_hz])
    low_mel, high_mel = hz_to_mel(ends_hz, contract.mel_scale)
    edges_mel = np.linspace(low_mel, high_mel, contract.n_mels + 2)
    edges_hz = _mel_to_hz(edges_mel, contract.mel_scale)
    num_bins = contract.n_fft // 2 + 1
    bins_hz = np.linspace(0, contract.sample_rate_hz / 2, num_bins)[:, None]
    widths_hz = np.diff(edges_hz)
    rising = (bins_hz - edges_hz[:-2]) / widths_hz[:-1]
    falling = (edges_hz[2:] - bins_hz) / widths_hz[1:]
    weights: FloatArray = np.maximum(0, np.minimum(rising, falling))
    if contract.mel_norm == "slaney":
        weights *= 2 / (edges_hz[2:] - edges_hz[:-2])
    return weights


@functools.lru_cache(maxsize=8)
def window(contract: Contract) -> FloatArray:
    """The periodic Hann window, [n_fft]."""
    phase = 2 * np.pi * np.arange(contract.n_fft) / contract.n_fft
    window: FloatArray = 0.5 - 0.5 * np.cos(phase)
    return window


def hz_to_mel(hz: FloatArray, scale: str) -> FloatArray:
    """Frequencies on a mel scale: "htk" or "slaney"."""
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = np.log(np.maximum(hz, _SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ)
    return np.where(
        hz < _SLANEY_BREAK_HZ,
        hz / _SLANEY_HZ_PER_MEL,
        _SLANEY_BREAK_MEL + above / _SLANEY_LOG_STEP,
    )


def _mel_to_hz(mel: FloatArray, scale: str) -> FloatArray:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = np.exp((mel - _SLANEY_BREAK_MEL) * _SLANEY_LOG_STEP)
    return np.where(
        mel < _SLANEY_BREAK_MEL,
        mel * _SLANEY_HZ_PER_MEL,
        _SLANEY_BREAK_HZ * above,
    )
