"""The example trains a model that gets better."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import transformers
from support import REPOSITORY, melmill_path, read_json_lines, write_manifest

pytestmark = pytest.mark.transformers

NUM_TRAIN, NUM_EVAL = 96, 24


def run_example(*arguments: str | Path) -> str:
    """What the example prints."""
    done = subprocess.run(
        [
            sys.executable,
            REPOSITORY / "examples" / "finetune_qwen3_asr.py",
            *arguments,
        ],
        env={
            **os.environ,
            "MELMILL": melmill_path(),
            "PYTHONPATH": str(REPOSITORY / "python"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def losses(stdout: str) -> tuple[float, float]:
    """The evaluation loss before and after the training."""
    found = re.search(r"loss ([\d.]+) before, ([\d.]+) after", stdout)
    assert found, stdout
    return float(found[1]), float(found[2])


def test_the_example_trains_and_saves_a_model(
    quickstart_manifests: Path, tmp_path: Path
) -> None:
    manifests = [
        write_manifest(
            tmp_path / f"{name}.jsonl",
            read_json_lines(quickstart_manifests / f"{name}.jsonl")[:count],
        )
        for name, count in (("train", NUM_TRAIN), ("eval", NUM_EVAL))
    ]
    out = tmp_path / "tuned"
    stdout = run_example(*manifests, "--out", out, "--epochs", "2")
    before, after = losses(stdout)
    assert after < 0.8 * before
    model = out / "model"
    assert (model / "config.json").exists()
    settings = "preprocessor_config.json", "processor_config.json"
    assert any((model / name).exists() for name in settings)

    if not transformers.__version__.startswith("4."):
        return  # once is enough: this takes long
    # The tuned model goes on from there, with the store and no manifests.
    stdout = run_example(
        *("--store", out / "features", "--model", model),
        *("--out", tmp_path / "again", "--epochs", "0.1"),
    )
    assert abs(losses(stdout)[0] - after) < 0.01
    assert not (tmp_path / "again" / "features").exists()
