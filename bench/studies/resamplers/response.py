"""Frequency responses of resamplers, from impulses at every phase.

A resampler by L/M (in lowest terms) is one filter on the grid of L times the
source rate: the output at time n of an impulse at time p is its sample at
n M - p L, and p from 0 to M - 1 give all of them.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy.signal

from resamplers.resample import TARGET_RATE_HZ, Float64, Samples
from resamplers.signals import RESPONSE_S, num_phases

# From float32 clips to what a resampler makes of them.
Resample = Callable[[list[Samples]], Sequence[Samples | Float64]]

# Of the narrower Nyquist frequency: up to here the pass band is to be soxr's.
PASS_BAND = 0.91


@dataclasses.dataclass(frozen=True)
class Response:
    """The filter that a resampler is."""

    rate_hz: int
    taps: Float64  # odd in number, time 0 in the middle

    @property
    def up(self) -> int:
        return TARGET_RATE_HZ // math.gcd(self.rate_hz, TARGET_RATE_HZ)

    @property
    def nyquist_hz(self) -> float:
        """The narrower one: from here on nothing may pass."""
        return min(self.rate_hz, TARGET_RATE_HZ) / 2

    def spectrum(self) -> tuple[Float64, Float64]:
        """Frequencies in Hz, and the response there, of magnitude 1 at 0 Hz."""
        centred = np.fft.ifftshift(self.taps)
        response: Float64 = np.fft.rfft(centred).real / self.up
        step_hz = self.rate_hz * self.up / len(self.taps)
        frequencies_hz = step_hz * np.arange(len(response), dtype=np.float64)
        return frequencies_hz, response

    def pass_band(self) -> Float64:
        """The response up to PASS_BAND."""
        frequencies_hz, response = self.spectrum()
        return response[frequencies_hz <= PASS_BAND * self.nyquist_hz]

    def stop_band_db(self) -> float:
        """The largest response from the narrower Nyquist frequency on."""
        frequencies_hz, response = self.spectrum()
        stopped = np.abs(response[frequencies_hz >= self.nyquist_hz])
        return decibels(float(stopped.max()))

    def asymmetry(self) -> float:
        """0 for exactly linear phase; relative to the largest tap."""
        difference = np.abs(self.taps - self.taps[::-1]).max()
        return float(difference / np.abs(self.taps).max())


def decibels(factor: float) -> float:
    return 20 * math.log10(max(factor, 1e-20))


def measure_response(rate_hz: int, resample: Resample) -> Response:
    """One clip for each phase, in the middle of it."""
    phases = num_phases(rate_hz)
    up = phases * TARGET_RATE_HZ // rate_hz
    # Far from the start, where soxr's filters are not yet themselves.
    first = int(2 * RESPONSE_S * rate_hz)
    clips = []
    for phase in range(phases):
        clip = np.zeros(2 * first + phases, np.float32)
        clip[first + phase] = 1
        clips.append(clip)
    reach = int(RESPONSE_S * rate_hz) * up
    taps = np.zeros(2 * reach + 1)
    for phase, made in enumerate(resample(clips)):
        places = np.arange(len(made)) * phases - (first + phase) * up + reach
        inside = (places >= 0) & (places < len(taps))
        taps[places[inside]] = made[inside]
    return Response(rate_hz, taps)


def made_symmetric(response: Response) -> Response:
    """Without what is left of rounding to float64: differences and zeros."""
    taps = (response.taps + response.taps[::-1]) / 2
    taps[np.abs(taps) < 1e-13 * np.abs(taps).max()] = 0
    return Response(response.rate_hz, taps)


def band_limited(response: Response) -> Response:
    """Without what passes beyond the narrower Nyquist frequency: no aliases."""
    frequencies_hz, spectrum = response.spectrum()
    spectrum = np.where(
        frequencies_hz < response.nyquist_hz, spectrum * response.up, 0
    )
    length = len(response.taps)
    taps: Float64 = np.fft.fftshift(np.fft.irfft(spectrum, length))
    return made_symmetric(Response(response.rate_hz, taps))


def apply(response: Response, clip: Samples) -> Float64:
    """The clip through the filter in float64, zeros on both sides of it."""
    up, down = response.up, num_phases(response.rate_hz)
    zeros = int(np.flatnonzero(response.taps)[0])
    taps = response.taps[zeros : len(response.taps) - zeros]
    middle = len(taps) // 2
    # So that time 0 falls on an output sample.
    shift = -middle % down
    taps = np.concatenate([np.zeros(shift), taps])
    made: Float64 = scipy.signal.upfirdn(taps, clip.astype(float), up, down)
    return made[(middle + shift) // down :]
