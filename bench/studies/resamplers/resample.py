"""The resamplers of this library, and soxr's in double precision, on arrays."""

import ctypes
import functools
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

TARGET_RATE_HZ = 16000
SOXR = "soxr"


def resampler_names(program: Path) -> list[str]:
    """What resample_samples can do here: soxr, then SIMD targets, best first.

    Args:
      program: tests/support/resample_samples.cc, built.
    """
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def resample(
    program: Path,
    clips: Sequence[Samples],
    rate_hz: int,
    resampler: str,
    blocks: Sequence[int] = (),
) -> list[Samples]:
    """All clips by one process, each in blocks of these sizes in turn."""
    done = subprocess.run(
        [program, str(rate_hz), resampler, *map(str, blocks)],
        input=b"".join(
            np.int64(len(clip)).tobytes() + clip.astype(np.float32).tobytes()
            for clip in clips
        ),
        stdout=subprocess.PIPE,
        check=True,
    )
    outputs: list[Samples] = []
    begin = 0
    while begin < len(done.stdout):
        (length,) = np.frombuffer(done.stdout, np.int64, 1, begin)
        outputs.append(
            np.frombuffer(done.stdout, np.float32, int(length), begin + 8)
        )
        begin += 8 + 4 * int(length)
    return outputs


class _QualitySpec(ctypes.Structure):
    _fields_ = (
        ("precision", ctypes.c_double),
        ("phase_response", ctypes.c_double),
        ("passband_end", ctypes.c_double),
        ("stopband_begin", ctypes.c_double),
        ("reserved", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
    )


class _IoSpec(ctypes.Structure):
    _fields_ = (
        ("input_type", ctypes.c_int),
        ("output_type", ctypes.c_int),
        ("scale", ctypes.c_double),
        ("reserved", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
    )


# Of soxr.h.
_HQ, _DOUBLE_PRECISION, _FLOAT64 = 4, 16, 1


@functools.cache
def _libsoxr() -> ctypes.CDLL:
    library = ctypes.CDLL("libsoxr.so.0")
    library.soxr_quality_spec.restype = _QualitySpec
    library.soxr_quality_spec.argtypes = [ctypes.c_ulong, ctypes.c_ulong]
    library.soxr_io_spec.restype = _IoSpec
    library.soxr_io_spec.argtypes = [ctypes.c_int, ctypes.c_int]
    library.soxr_oneshot.restype = ctypes.c_char_p
    return library


def soxr_float64(samples: Samples | Float64, rate_hz: int) -> Float64:
    """What soxr HQ's filters give without float32's rounding.

    The design of the filters is the same, but coefficients, samples and sums
    are float64. As long as soxr makes it: not extended as librosa does.
    """
    library = _libsoxr()
    given = np.ascontiguousarray(samples, np.float64)
    made = np.empty(math.ceil(len(given) * TARGET_RATE_HZ / rate_hz) + 1)
    num_made = ctypes.c_size_t()
    error = library.soxr_oneshot(
        ctypes.c_double(rate_hz),
        ctypes.c_double(TARGET_RATE_HZ),
        ctypes.c_uint(1),
        given.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_size_t(len(given)),
        None,
        made.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_size_t(len(made)),
        ctypes.byref(num_made),
        ctypes.byref(library.soxr_io_spec(_FLOAT64, _FLOAT64)),
        ctypes.byref(library.soxr_quality_spec(_HQ, _DOUBLE_PRECISION)),
        None,
    )
    if error:
        raise RuntimeError(f"libsoxr: {error.decode()}")
    return made[: num_made.value]
