"""Helpers of the tests that read stores."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import melmill
import numpy as np
import pytest
import torch
from melmill._store import narrow_types
from support import REPOSITORY, Store, values_of_bytes

Access = Literal["mmap", "pread"]
CANNOT_MOUNT = 77


def assert_same_rows(store: melmill.Store, folder: Path) -> None:
    """The rows are those that h5py reads."""
    expected = Store(folder)
    assert list(store) == expected.splits
    for name in store.splits:
        rows = expected.rows(name)
        assert len(store[name]) == len(rows)
        for row, wanted in zip(store[name], rows, strict=True):
            assert row.features.dtype == wanted.features.dtype
            stored, single = row.read_stored(), wanted.single
            if store.contract.feature_type == "bf16":
                stored = narrow_types.bfloat16_to_float32(stored)
                single = torch.from_numpy(single).bfloat16().float().numpy()
            np.testing.assert_array_equal(row.features, single)
            if store.contract.feature_type == "u8":
                stored = values_of_bytes(
                    stored, row.num_samples, wanted.body_max, wanted.floor
                )
            np.testing.assert_array_equal(stored, wanted.features)
            np.testing.assert_array_equal(row.tail_samples, wanted.tail_samples)
            assert (row.text, row.audio, row.line, row.num_samples) == (
                wanted.text,
                wanted.audio,
                wanted.line,
                wanted.num_samples,
            )
            assert row.body_max == float(wanted.body_max)
            assert row.floor == float(wanted.floor)
            assert row.peak == wanted.peak
            assert row.num_frames == len(wanted.features)
            assert row.duration_s == wanted.num_samples / 16000


def run_python(
    code: str, *arguments: str | Path, before: Sequence[str] = ()
) -> str:
    """What a program prints that is run by itself, perhaps by another."""
    done = subprocess.run(
        [*before, sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if before and done.returncode == CANNOT_MOUNT:
        pytest.skip("this process cannot mount")
    assert done.returncode == 0, done.stderr
    return done.stdout
