"""A bench of training measures what it says, and only equal batches."""

import copy
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import pytest
import tiny_qwen3_asr
import tiny_whisper
from melmill._models import reference_audio
from support import (
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)
from transformers import WhisperFeatureExtractor

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

SLOW_S = 0.1
SETTINGS: dict[str, Any] = {
    "batch_size": 2,
    "num_batches": 2,
    "num_workers": 0,
}


def with_slow_tokenizer(processor: Any, delay_s: float) -> Any:
    """A processor whose tokenizer waits before each of its calls."""

    class Slow(type(processor.tokenizer)):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            time.sleep(delay_s)
            return super().__call__(*args, **kwargs)

    changed = copy.copy(processor)
    changed.tokenizer = copy.deepcopy(processor.tokenizer)
    changed.tokenizer.__class__ = Slow
    return changed


def load_slowly(row: Any) -> Any:
    time.sleep(SLOW_S)
    return reference_audio.load_samples(row)


@pytest.fixture
def slow_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("melmill._bench.measuring.load_samples", load_slowly)


@pytest.mark.usefixtures("slow_audio")
def test_each_part_has_its_time(store_of: Callable[..., Path]) -> None:
    """Qwen3-ASR's scripts tokenise texts and prefixes, so twice a batch."""
    processor = tiny_qwen3_asr.make_processor()
    tokenizer = processor.tokenizer
    processor = with_slow_tokenizer(processor, SLOW_S)
    found = melmill.bench_training(
        processor, store_of("f16"), **{**SETTINGS, "num_batches": 1}
    )
    for way in (found.audio, found.store):
        assert 2 * SLOW_S <= way.tokenizing_s < way.making_s
        assert way.wait_s >= 2 * SLOW_S
        assert way.step_s == 0
    assert 2 * SLOW_S <= found.audio.load_s < found.audio.making_s - 2 * SLOW_S
    assert found.audio.wait_s >= 4 * SLOW_S
    assert found.store.load_s < SLOW_S
    assert 0 < found.audio.cpu_s < found.audio.making_s - 3 * SLOW_S
    assert 0 < found.max_feature_difference < 1e-3
    assert (found.num_batches, found.batch_size) == (1, 2)
    assert found.was_disturbed  # sleeping is no processor time
    assert type(processor.tokenizer) is not type(tokenizer)


def test_workers_hide_the_loading_behind_steps(
    store_of: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two workers load two clips each while two steps are done."""

    def load(row: Any) -> Any:
        (tmp_path / f"{os.getpid()}").touch()
        return load_slowly(row)

    monkeypatch.setattr("melmill._bench.measuring.load_samples", load)
    extractor = WhisperFeatureExtractor(128)
    found = melmill.bench_training(
        extractor,
        store_of("f32"),
        **{**SETTINGS, "num_batches": 4, "num_workers": 2},
        step_seconds=0.02,
    )
    # Two workers have two batches ready every 2 * SLOW_S.
    assert found.audio.wait_s + found.audio.step_s > 0.8 * SLOW_S
    assert found.store.wait_s < found.audio.wait_s
    assert found.audio.step_s >= 0.02
    # This process makes batches too, without steps.
    assert len(list(tmp_path.iterdir())) == 3
    assert not found.has_tokenizer
    assert "With your step of " in found.verdict


def test_a_step_gets_the_tensors(store_of: Callable[..., Path]) -> None:
    processor = tiny_whisper.make_processor
    batches: list[dict[str, Any]] = []
    step_times: list[float] = []

    def step(batch: dict[str, Any]) -> None:
        begin = time.perf_counter()
        batches.append(batch)
        time.sleep(SLOW_S)
        step_times.append(time.perf_counter() - begin)

    found = melmill.bench_training(
        processor(store_of("f16").parent, n_mels=128),
        store_of("f16"),
        **SETTINGS,
        step=step,
    )
    assert found.has_step
    assert len(batches) == 6  # both ways have a first round that is not timed
    mean_s = sum(step_times[1:3]) / 2
    assert found.audio.step_s == pytest.approx(mean_s, abs=SLOW_S / 3)
    for batch in batches:
        assert batch["input_features"].shape == (2, 128, 3000)
        assert len(batch["labels"]) == 2


def test_different_batches_are_not_timed(
    store_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(row: Any) -> Any:
        return reference_audio.load_samples(row) * 0.9

    monkeypatch.setattr("melmill._models.check.load_samples", load)
    steps: list[Any] = []
    with pytest.raises(melmill.DifferenceError, match="input_features of row"):
        melmill.bench_training(
            tiny_qwen3_asr.make_processor(),
            store_of("f16"),
            **SETTINGS,
            step=steps.append,
        )
    assert not steps


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step_seconds": 0.1, "step": print}, "not both"),
        ({"step_seconds": 0.0}, "step_seconds is 0.0"),
        ({"batch_size": 0}, "must be at least 1"),
        ({"num_workers": -1}, "at least 0"),
    ],
)
def test_wrong_settings_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        melmill.bench_training(None, "no store", **settings)


def test_a_store_without_rows_is_refused(tmp_path: Path) -> None:
    samples = noise(4000, 1)
    samples[100] = np.nan  # which only the extraction finds
    write_wav(tmp_path / "a.wav", samples, subtype="FLOAT")
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    flags = ("--max-rejects", "100%", "--out", "store")
    run_melmill("extract", "train.jsonl", *flags, cwd=tmp_path)
    with pytest.raises(ValueError, match="the store has no rows"):
        melmill.bench_training(
            WhisperFeatureExtractor(128), tmp_path / "store", **SETTINGS
        )
