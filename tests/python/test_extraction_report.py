"""What a run tells of itself: stages, bottleneck, memory."""

import json
import re
from pathlib import Path

import pytest
from support import manifest_row, noise, run_melmill, write_manifest, write_wav

STAGES = [
    "read",
    "decode",
    "set-up",
    "resample",
    "log-mel",
    "store",
    "schedule",
    "other",
]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rows = []
    for clip in range(6):
        rate = 16000 if clip % 2 else 44100
        path = tmp_path / f"{clip}.wav"
        write_wav(path, noise(30_000 + 500 * clip, seed=clip), rate)
        rows.append(manifest_row(path))
    return write_manifest(tmp_path / "train.jsonl", rows)


def test_json_report_has_the_extraction(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    options = ("--json", "--quiet", "--threads", "2", "--io-threads", "3")
    run = run_melmill("extract", manifest, "--out", out, *options)
    assert run.exit_code == 0, run.stderr
    extraction = json.loads(run.stdout)["extraction"]
    assert list(extraction["stages"]) == STAGES
    for stage in extraction["stages"].values():
        assert stage["seconds"] > 0
        assert 0 < stage["busy_share"] <= 1
    assert extraction["threads"] == 2
    assert extraction["io_threads"] == 3
    rows = extraction["rows_read_in_place"] + extraction["rows_read_by_waiting"]
    assert rows == 6
    assert extraction["read_bytes"] == sum(
        path.stat().st_size for path in tmp_path.glob("*.wav")
    )
    assert extraction["stored_bytes"] > 0
    assert extraction["bottleneck_line"]
    again = run_melmill("extract", manifest, "--out", out, *options)
    assert "extraction" not in json.loads(again.stdout)


def test_summary_has_a_line_on_the_bottleneck(
    manifest: Path, tmp_path: Path
) -> None:
    run = run_melmill("extract", manifest, "--out", tmp_path / "store")
    assert run.exit_code == 0
    # A busy machine may take longer than six clips do.
    lines = "too short to name a bottleneck|no bottleneck: |-bound: "
    assert len(re.findall(lines, run.text)) == 1


@pytest.mark.parametrize("value", ["12", "64MiB", "1MB", "-1GB", "many"])
def test_memory_that_cannot_be_is_refused(
    manifest: Path, tmp_path: Path, value: str
) -> None:
    out = tmp_path / "store"
    run = run_melmill("extract", manifest, "--out", out, f"--memory={value}")
    assert run.exit_code == 2
    assert value in run.text or "--memory" in run.stderr
    assert not out.exists()


def test_memory_does_not_change_the_bytes(
    manifest: Path, tmp_path: Path
) -> None:
    stores = []
    for memory in ("128MiB", "2GB"):
        out = tmp_path / memory
        run = run_melmill(
            "extract", manifest, "--out", out, f"--memory={memory}"
        )
        assert run.exit_code == 0, run.stderr
        stores.append(
            {p.name: p.read_bytes() for p in out.iterdir() if p.suffix}
        )
    assert stores[0] == stores[1]
