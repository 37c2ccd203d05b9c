"""The script in docs/input.md takes audio and texts out of a Parquet file."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import REPOSITORY, noise, run_melmill, write_wav


def test_script_for_parquet_makes_a_usable_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (REPOSITORY / "docs" / "input.md").read_text()
    (code,) = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    clips = [
        write_wav(tmp_path / f"{n}.wav", noise(8000 + n, seed=n))
        for n in range(3)
    ]
    audio = [
        {"bytes": clip.read_bytes(), "path": name}
        for clip, name in zip(clips, ["a.wav", None, "b.wav"], strict=True)
    ]
    texts = [f"language English<asr_text>{n}" for n in range(3)]
    table = pa.table({"audio": audio, "text": texts, "id": [1, 2, 3]})
    pq.write_table(table, tmp_path / "train.parquet")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/input.md", "exec"), {})
    lines = [
        json.loads(line)
        for line in (tmp_path / "train.jsonl").read_text().splitlines()
    ]
    assert [line["text"] for line in lines] == texts
    for line, clip in zip(lines, clips, strict=True):
        assert Path(line["audio"]).read_bytes() == clip.read_bytes()
    assert run_melmill("validate", "train.jsonl").exit_code == 0
