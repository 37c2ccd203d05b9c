"""The code in docs/training.md runs as it stands there, as do first steps."""

import gc
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import librosa
import matplotlib
import melmill
import numpy as np
import pytest
import tiny_qwen3_asr
import tiny_whisper
from melmill.torch import collate
from qwen3_asr_training import examples_of
from support import (
    REPOSITORY,
    extract,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)
from training_corpus import QUIET_ON_CPU
from transformers import Seq2SeqTrainingArguments, TrainingArguments
from whisper_recipe import RecipeCollator

pytest_plugins = ["extract_fixtures"]
pytestmark = pytest.mark.transformers

NUM_CLIPS = 20


def blocks() -> dict[str, list[str]]:
    """The Python code of the guide, by section."""
    page = (REPOSITORY / "docs" / "training.md").read_text()
    found = {}
    for section in page.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        code = [part.split("```")[0] for part in text.split("```python\n")[1:]]
        if code:
            found[title] = code
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a store, features/, in which the code runs."""
    (tmp_path / "clips").mkdir()
    names = [f"clips/{chr(ord('a') + i)}.wav" for i in range(NUM_CLIPS)]
    for seed, name in enumerate(names):
        write_wav(tmp_path / name, noise(4000 + 500 * seed, seed=seed))
    rows = [manifest_row(name, "language English<asr_text>x") for name in names]
    manifests = [
        write_manifest(tmp_path / "train.jsonl", rows),
        write_manifest(tmp_path / "eval.jsonl", rows[:4]),
    ]
    extract(tmp_path / "features", *manifests, "--audio-root", tmp_path)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    yield tmp_path
    gc.collect()  # processors that are left over would go on serving


def arguments_of(kind: Any, folder: Path) -> Any:
    return kind(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=4,
        max_steps=1,
        remove_unused_columns=False,
        **QUIET_ON_CPU,
    )


def names_for_qwen3_asr(folder: Path) -> dict[str, Any]:
    """What the code of the section takes for granted."""
    processor = tiny_qwen3_asr.make_processor()
    model = tiny_qwen3_asr.make_model()
    rows = [
        manifest_row(f"clips/{name}.wav") | {"prompt": "", "text": "x"}
        for name in "abcd"
    ]
    return {
        "processor": processor,
        "model": getattr(model, "thinker", model),
        "arguments": arguments_of(TrainingArguments, folder),
        "rows": examples_of(processor, rows),
    }


def names_for_whisper(folder: Path) -> dict[str, Any]:
    processor = tiny_whisper.make_processor(folder, n_mels=128)
    return {
        "processor": processor,
        "model": tiny_whisper.make_model(n_mels=128),
        "training_args": arguments_of(Seq2SeqTrainingArguments, folder),
        "data_collator": RecipeCollator(processor, decoder_start_token_id=1),
    }


def run(section: str, names: dict[str, Any]) -> None:
    """Runs the code of a section, block after block, with the same names."""
    for code in blocks()[section]:
        exec(compile(code, "docs/training.md", "exec"), names)


@pytest.mark.usefixtures("with_program")
def test_code_for_extraction_from_python_runs(folder: Path) -> None:
    names = {"wav_bytes": (folder / "clips/d.wav").read_bytes()}
    run("From Python", names)
    first = melmill.open("mine/")["train"]
    assert [row.text for row in first] == [
        "language English<asr_text>hello",
        "language English<asr_text>good morning",
    ]
    second: Any = names["store"]
    assert [len(second[name]) for name in second] == [2, 4]
    expected = second["eval"].find("clips/d.wav").features
    np.testing.assert_array_equal(second["train"][1].features, expected)


def test_code_for_qwen3_asr_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = names_for_qwen3_asr(folder)
    run("Qwen3-ASR", names)
    assert "equal: 24 rows, 3 batches; largest difference" in (
        capsys.readouterr().out
    )
    names["trainer"].train()
    assert names["trainer"].state.global_step == 1


def test_code_for_whisper_runs(folder: Path) -> None:
    names = names_for_whisper(folder)
    run("Whisper", names)
    assert names["trainer"].state.global_step == 1
    assert len(names["train"]) == NUM_CLIPS
    item = names["evaluation"][0]
    assert item["input_features"].shape == (128, 3000)
    assert not isinstance(librosa.load("clips/a.wav", sr=16000)[0], np.ndarray)


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_code_for_a_bench_runs() -> None:
    names: dict[str, Any] = {"processor": tiny_qwen3_asr.make_processor()}
    run("Does a store help me?", names)
    found = names["bench"]
    assert (found.num_batches, found.num_workers) == (3, 2)
    assert found.audio.step_s >= 0.2
    assert str(found).endswith((".", "at rest."))


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_code_for_any_pytorch_code_runs() -> None:
    names: dict[str, Any] = {}
    run("Any PyTorch code", names)
    assert "batch" in names
    assert names["row"].index == 17


def test_code_for_augmentation_runs(folder: Path) -> None:
    names: dict[str, Any] = {}
    masks, speeds, together = blocks()["Augmentation"]
    for code in (masks, speeds):
        exec(code, names)
    for factor in (0.9, 1.1):
        manifest = f"speed{factor}/train.jsonl"
        extract(folder / f"features{factor}", manifest, cwd=folder)
    exec(together, names)
    train = names["train"]
    assert len(train) == 3 * NUM_CLIPS
    lengths = [train[i * NUM_CLIPS].row.num_samples for i in range(3)]
    assert lengths == [4000, 4444, 3636]
    examples = [train[i] for i in range(NUM_CLIPS)]
    expected = collate(examples)["input_features"]
    masked = names["collate_with_masks"](examples)["input_features"]
    is_changed = masked != expected
    assert 0.02 < float(is_changed.float().mean()) < 0.6
    assert (masked <= expected).all()


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
    write_manifest(folder / "eval.jsonl", rows[:1])
    manifests = ("train.jsonl", "eval.jsonl")
    extract(folder / "features", *manifests, "--update", cwd=folder)
    names: dict[str, Any] = {}
    run("Pieces of files", names)
    assert names["batch"]["index"] == [0, 1]
    assert names["split"].find("meeting.wav", start=12.5).index == 1
    assert names["split"].find("shard.tar", audio_offset=1536).index == 2


def test_a_store_gets_its_certificate(folder: Path) -> None:
    names: dict[str, Any] = {}
    run("A certificate of the store", names)
    assert names["certificate"].has_passed
    assert (folder / "features" / "certificate.json").exists()


def test_no_section_has_other_code() -> None:
    assert set(blocks()) == {
        *("From Python", "Qwen3-ASR", "Whisper", "Any PyTorch code"),
        *("Augmentation", "Pieces of files", "A certificate of the store"),
        "Does a store help me?",
    }


def test_every_name_of_the_guide_can_be_imported() -> None:
    imports = [
        line
        for code in blocks().values()
        for block in code
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
