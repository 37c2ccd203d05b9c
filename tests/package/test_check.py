"""check() finds what a store gives otherwise than the model's own code."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import librosa
import melmill
import numpy as np
import pytest
import soundfile
import tiny_qwen3_asr
from melmill.qwen3_asr import Report, check, use_store
from support import (
    extract,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)
from training_corpus import Corpus

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

OWN_NAMES = {
    True: ("input_features", "input_features_mask"),
    False: ("feature_attention_mask", "input_features"),
}
TENSORS = (
    "input_ids",
    "attention_mask",
    *OWN_NAMES[tiny_qwen3_asr.IS_NATIVE],
    "labels",
)
ROUNDING = {
    "f32": "single precision",
    "f16": "float16",
    "bf16": "bfloat16",
    "u8": "u8",
}


@pytest.mark.parametrize(
    ("feature_type", "largest"),
    [
        ("f32", 2e-4),
        ("f16", 2e-4 + 2**-11),
        ("bf16", 2e-4 + 2**-8),
        ("u8", 2e-4 + 0.003923),
    ],
)
def test_a_right_store_passes(
    feature_type: str,
    largest: float,
    store_of: Callable[..., Path],
    training_corpus: Corpus,
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    report = check(processor, store_of(feature_type), n=100, batch_size=5)
    num_rows = len(training_corpus.rows)
    difference = report.max_feature_difference
    assert report == Report(
        num_rows, -(-num_rows // 5), TENSORS, difference, feature_type
    )
    assert 0 < difference <= largest
    verdict = rf"equal: {num_rows} rows, {-(-num_rows // 5)} batches; "
    verdict += r"largest difference (\d\.\de-\d), (.*) rounding"
    found = re.fullmatch(verdict, str(report))
    assert found, str(report)
    assert float(found[1]) == pytest.approx(difference, rel=0.1)
    assert found[2] == ROUNDING[feature_type]


def test_a_processor_in_use_is_checked_and_left_as_it_is(
    store_of: Callable[..., Path], training_corpus: Corpus
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    use_store(processor, store_of("f32"))
    extractor = processor.feature_extractor
    report = check(processor, store_of("f32"), n=3, seed=1)
    assert (report.num_rows, report.num_batches) == (3, 1)
    assert processor.feature_extractor is extractor
    audio, _ = librosa.load(training_corpus.paths[0], sr=16000)
    assert not isinstance(audio, np.ndarray)


def test_a_wrong_feature_is_found(
    store_of: Callable[..., Path], training_corpus: Corpus, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    shutil.copytree(store_of("f32"), folder)
    row = melmill.open(folder)["train"][5]
    part, at = row.split.place(row.index)
    [shard] = folder.glob("train.????????????.h5")
    cell = (int(part.table.start[at]) + 7) * 128 + 3
    with shard.open("r+b") as file:
        file.seek(4096 + 4 * cell)
        file.write(np.float32(row.features[7, 3] + 0.01).tobytes())
    with pytest.raises(melmill.DifferenceError) as raised:
        check(tiny_qwen3_asr.make_processor(), folder, n=100)
    message = str(raised.value)
    assert message.startswith("input_features of row 5 of split train")
    assert training_corpus.paths[5] in message
    assert message.endswith("at [3, 7]")


def test_audio_that_is_elsewhere_names_the_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "0.wav", noise(8000))
    manifest = write_manifest(tmp_path / "train.jsonl", [manifest_row("0.wav")])
    out = tmp_path / "store"
    extract(out, manifest, "--audio-root", tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    processor = tiny_qwen3_asr.make_processor()
    with pytest.raises(
        melmill.StoreReadError,
        match=r"0\.wav \(row 0 of split train\): cannot be read: .* \(ENOENT\)"
        rf"; .* start from {tmp_path}/elsewhere: .*audio_root=",
    ):
        check(processor, out)
    found = melmill.open(out, audio_root=tmp_path)
    assert check(processor, found).num_rows == 1


def test_audio_that_changed_since_is_found(tmp_path: Path) -> None:
    paths = [
        write_wav(tmp_path / f"{number}.wav", noise(8000, seed=number))
        for number in range(3)
    ]
    manifest = write_manifest(
        tmp_path / "train.jsonl", [manifest_row(path) for path in paths]
    )
    out = tmp_path / "store"
    assert run_melmill("extract", manifest, "--out", out).exit_code == 0
    processor = tiny_qwen3_asr.make_processor()
    assert check(processor, out).num_rows == 3
    soundfile.write(paths[1], noise(7000, seed=1), 16000)
    with pytest.raises(
        melmill.DifferenceError,
        match=r"1\.wav \(row 1 of split train\): 7000 samples .* 8000 in",
    ):
        check(processor, out)
