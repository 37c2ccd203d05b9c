"""The code in docs/training.md runs as it stands there, as do first steps."""

import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from support import (
    REPOSITORY,
    extract,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)

NUM_CLIPS = 20


def blocks() -> list[str]:
    page = (REPOSITORY / "docs" / "training.md").read_text()
    return [part.split("```")[0] for part in page.split("```python\n")[1:]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store, features/, in which the code runs."""
    (tmp_path / "clips").mkdir()
    names = [f"clips/{chr(ord('a') + i)}.wav" for i in range(NUM_CLIPS)]
    for seed, name in enumerate(names):
        write_wav(tmp_path / name, noise(4000 + 500 * seed, seed=seed))
    rows = [manifest_row(name, "language English<asr_text>x") for name in names]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "features", manifest, "--audio-root", tmp_path)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("word", ["LengthBucketSampler", "to_hf_dataset"])
def test_code_of_the_guide_runs(word: str) -> None:
    (code,) = [block for block in blocks() if word in block]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/training.md", "exec"), names)
    assert "batch" in names or names["row"].index == 17


def test_code_for_pieces_runs(folder: Path) -> None:
    member = (folder / "clips/a.wav").read_bytes()
    (folder / "shard.tar").write_bytes(b"x" * 1536 + member)
    write_wav(folder / "meeting.wav", noise(16_000 * 15))
    text = "language English<asr_text>x"
    range_of = {"audio_offset": 1536, "audio_bytes": len(member)}
    rows: list[dict[str, object]] = [
        manifest_row("meeting.wav", text) | {"offset": 1.25, "duration": 3},
        manifest_row("meeting.wav", text) | {"offset": 12.5, "duration": 2},
        manifest_row("shard.tar", text) | range_of,
    ]
    write_manifest(folder / "train.jsonl", rows)
    extract(folder / "features", "train.jsonl", "--update", cwd=folder)
    names: dict[str, Any] = {}
    for word in ("collate([train[0]", 'find("meeting.wav"'):
        (code,) = [block for block in blocks() if word in block]
        exec(compile(code, "docs/training.md", "exec"), names)
    assert names["batch"]["index"] == [0, 1]
    assert names["split"].find("meeting.wav", start=12.5).index == 1
    assert names["split"].find("shard.tar", audio_offset=1536).index == 2


def test_every_name_of_the_guide_can_be_imported() -> None:
    imports = [
        line
        for block in blocks()
        for line in block.splitlines()
        if line.startswith(("from melmill", "import melmill"))
    ]
    assert len(imports) >= 5
    for line in imports:
        exec(line, {})


def first_steps(document: str) -> str:
    """From "import melmill" to the end of its block: one use of a store."""
    text = (REPOSITORY / document).read_text()
    (found,) = re.findall(
        r"^( *import melmill\n\n?(?:.+\n)+?)(?=\s*\n|END)", text, re.MULTILINE
    )
    return textwrap.dedent(found)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("document", ["README.md", "tools/quickstart"])
def test_first_steps_read_a_row(document: str) -> None:
    Path("quickstart").symlink_to(".")
    names: dict[str, Any] = {}
    exec(compile(first_steps(document), document, "exec"), names)
    assert names["row"].split.name == "train"
    assert names["row"].transcript == "x"
