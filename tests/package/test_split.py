"""A split is a sequence of rows, and has whole columns."""

from pathlib import Path

import melmill
import pytest
from support import extract, manifest_row, noise, write_manifest, write_wav

pytest_plugins = ["store_fixtures"]


def test_whole_columns_belong_to_the_rows(store: melmill.Store) -> None:
    train = store["train"]
    rows = list(train)
    assert train.num_frames.tolist() == [row.num_frames for row in rows]
    assert train.num_samples.tolist() == [row.num_samples for row in rows]
    assert train.durations_s.tolist() == [row.duration_s for row in rows]
    assert train.texts() == [row.text for row in rows]


def test_indices_and_slices_are_those_of_a_sequence(
    store: melmill.Store,
) -> None:
    train = store["train"]
    rows = list(train)
    assert train[-1] == rows[-1]
    assert list(train[2:9:3]) == rows[2:9:3]
    assert list(train[5:][::-1]) == rows[5:][::-1]
    assert train[5:][1] == rows[6]
    for wrong in (len(train), -len(train) - 1):
        with pytest.raises(melmill.RowIndexError, match=f"row {wrong} of"):
            train[wrong]
    with pytest.raises(IndexError):
        train[3:5][2]


def test_to_pandas_has_paths_of_audio_at_urls(
    tmp_path: Path, store: melmill.Store
) -> None:
    pytest.importorskip("pandas")
    assert "audio_path" not in store["train"].to_pandas()
    write_wav(tmp_path / "a.wav", noise(4000))
    rows = [manifest_row("a.wav")]
    for number in range(2):  # stores to be read as one, of either sort
        write_manifest(tmp_path / "train.jsonl", rows)
        extract(tmp_path / f"{number}", "train.jsonl", cwd=tmp_path)
        rows = [manifest_row("s3://b/a.wav") | {"audio_path": "a.wav"}]
    both = melmill.open([tmp_path / "0", tmp_path / "1"])["train"]
    frame = both.to_pandas()
    assert frame.audio.tolist() == ["a.wav", "s3://b/a.wav"]
    assert frame.audio_path.tolist() == ["", "a.wav"]
    assert [str(row.audio_path) for row in both] == ["a.wav", "a.wav"]


def test_to_pandas_has_every_row(store: melmill.Store) -> None:
    pytest.importorskip("pandas")
    train = store["train"]
    frame = train.to_pandas()
    assert frame.audio.tolist() == [row.audio for row in train]
    assert frame.language.tolist() == [row.language for row in train]
    assert frame.num_frames.tolist() == train.num_frames.tolist()
