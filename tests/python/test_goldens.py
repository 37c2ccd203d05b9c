"""Committed goldens are what their generators print."""

import re
import subprocess
import sys

import numpy as np
from support import REPOSITORY

NUMBER = re.compile(r"\d+\.\d+(?:e-\d+)?")
GOLDENS = REPOSITORY / "tests" / "dsp" / "goldens"


def test_mel_filter_banks_are_those_of_the_generator() -> None:
    printed = subprocess.run(
        [sys.executable, GOLDENS / "make_mel_filter_banks.py"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    committed = (GOLDENS / "mel_filter_banks.h").read_text()
    assert NUMBER.sub("", committed) == NUMBER.sub("", printed)
    # The last digit may differ with the machine's vector units.
    np.testing.assert_allclose(
        [float(number) for number in NUMBER.findall(committed)],
        [float(number) for number in NUMBER.findall(printed)],
        rtol=1e-10,
    )
