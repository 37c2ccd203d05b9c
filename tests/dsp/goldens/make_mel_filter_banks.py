#!/usr/bin/env python3
"""Prints mel_filter_banks.h: whole filter banks of librosa, in float64.

Made with librosa 0.11.0, transformers 4.57.6 and NumPy 2.4.6:

    make_mel_filter_banks.py > mel_filter_banks.h

Banks that transformers can make too must agree, or nothing is printed.
"""

import dataclasses
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
from transformers.audio_utils import mel_filter_bank

# The two compute edges in another order; filters end in small differences.
MAX_RELATIVE_DIFFERENCE = 1e-10


@dataclasses.dataclass(frozen=True)
class Bank:
    """Parameters, named and ordered as in MelFilterBankOptions."""

    name: str
    sample_rate_hz: int
    n_fft: int
    n_mels: int
    f_min_hz: float
    f_max_hz: float
    scale: Literal["slaney", "htk"]
    norm: Literal["slaney"] | None


BANKS = [
    Bank("Qwen3Asr", 16000, 400, 128, 0, 8000, "slaney", "slaney"),
    Bank("Whisper", 16000, 400, 80, 0, 8000, "slaney", "slaney"),
    Bank("HtkWithoutNorm", 16000, 512, 80, 20, 7600, "htk", None),
    Bank("HtkWithNorm", 16000, 400, 64, 0, 8000, "htk", "slaney"),
    Bank("OddSizeAtOtherRate", 22050, 401, 40, 50, 11025, "slaney", "slaney"),
]


def librosa_bank(bank: Bank) -> npt.NDArray[np.float64]:
    """The [mels, bins] weights."""
    weights: npt.NDArray[np.float64] = librosa.filters.mel(
        sr=bank.sample_rate_hz,
        n_fft=bank.n_fft,
        n_mels=bank.n_mels,
        fmin=bank.f_min_hz,
        fmax=bank.f_max_hz,
        htk=bank.scale == "htk",
        norm=bank.norm,
        dtype=np.float64,
    )
    return weights


def check_against_transformers(bank: Bank) -> None:
    if bank.n_fft % 2:
        return  # it takes the last bin for half the rate: another bank
    expected = mel_filter_bank(
        bank.n_fft // 2 + 1,
        bank.n_mels,
        bank.f_min_hz,
        bank.f_max_hz,
        bank.sample_rate_hz,
        norm=bank.norm,
        mel_scale=bank.scale,
    )
    np.testing.assert_allclose(
        librosa_bank(bank).T,
        expected,
        rtol=MAX_RELATIVE_DIFFERENCE,
        err_msg=bank.name,
    )


def print_bank(bank: Bank) -> None:
    scale = {"slaney": "kSlaney", "htk": "kHtk"}[bank.scale]
    norm = {"slaney": "kSlaney", None: "kNone"}[bank.norm]
    print(f"""
const GoldenBank k{bank.name} = {{
    {{.sample_rate_hz = {bank.sample_rate_hz},
     .n_fft = {bank.n_fft},
     .n_mels = {bank.n_mels},
     .f_min_hz = {bank.f_min_hz},
     .f_max_hz = {bank.f_max_hz},
     .scale = MelScale::{scale},
     .norm = MelNorm::{norm}}},
    {{""")
    for weights in librosa_bank(bank):
        bins = np.flatnonzero(weights)
        first = bins[0] if len(bins) else 0
        numbers = [repr(float(weights[b])) for b in bins]
        lines = [
            ", ".join(numbers[i : i + 3]) for i in range(0, len(numbers), 3)
        ]
        print(f"    {{{first}, {{" + ",\n      ".join(lines) + "}},")
    print("    }};")


def main() -> None:
    for bank in BANKS:
        check_against_transformers(bank)
    name = "MELMILL_TESTS_DSP_GOLDENS_MEL_FILTER_BANKS_H_"
    print(f"""\
#ifndef {name}
#define {name}

// Made by make_mel_filter_banks.py; do not edit.
// clang-format off

#include <vector>

#include "dsp/log_mel/mel_filter_bank.h"

namespace melmill {{

struct GoldenBank {{
  MelFilterBankOptions options;
  std::vector<MelFilter> filters;
}};""")
    for bank in BANKS:
        print_bank(bank)
    print(f"""
}}  // namespace melmill

// clang-format on

#endif  // {name}""")


if __name__ == "__main__":
    main()
