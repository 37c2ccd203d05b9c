"""The example trains a model that gets better."""

import os
import re
import subprocess
import sys
from pathlib import Path

import needs_qwen_asr  # noqa: F401  # skips this module
from support import REPOSITORY, melmill_path, read_json_lines, write_manifest

NUM_TRAIN, NUM_EVAL = 96, 24


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
    done = subprocess.run(
        [
            sys.executable,
            REPOSITORY / "examples" / "finetune_qwen3_asr.py",
            *manifests,
            *("--out", out, "--epochs", "2"),
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
    losses = re.search(r"loss ([\d.]+) before, ([\d.]+) after", done.stdout)
    assert losses, done.stdout
    before, after = map(float, losses.groups())
    assert after < 0.8 * before
    assert (out / "model" / "config.json").exists()
    assert (out / "model" / "preprocessor_config.json").exists()
