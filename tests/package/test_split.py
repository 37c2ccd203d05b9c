"""A split is a sequence of rows, and has whole columns."""

import pickle
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import pytest
import torch
from melmill.torch import FeatureDataset
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


def test_lists_and_masks_choose_rows(store: melmill.Store) -> None:
    train = store["train"]
    rows = list(train)
    places = [4, -1, 0, 4]
    wanted = [rows[place] for place in places]
    for index in (places, np.array(places), torch.tensor(places)):
        assert list(train[index]) == wanted
    assert train[np.uint32(3)] == rows[3]
    is_long = train.durations_s > 0.6
    assert 0 < is_long.sum() < len(rows)
    wanted = [row for row in rows if row.duration_s > 0.6]
    for mask in (is_long, is_long.tolist(), torch.from_numpy(is_long)):
        assert list(train[mask]) == wanted
    assert list(train[[]]) == []
    assert list(train[train.durations_s > 99]) == []


def test_chosen_rows_can_be_chosen_from_again(store: melmill.Store) -> None:
    train = store["train"]
    some = train[[5, 3, 1]]
    assert some[-1] == train[1]
    assert list(some[::-1]) == [train[1], train[3], train[5]]
    assert list(some[[2, 0]]) == [train[1], train[5]]
    assert list(some[[False, True, False]]) == [train[3]]
    assert list(train[4:9][np.array([0, 4])]) == [train[4], train[8]]
    assert some == pickle.loads(pickle.dumps(some))
    assert some == train[5:0:-2]
    assert hash(some) == hash(train[5:0:-2])
    assert some != train[[5, 3]]
    dataset = FeatureDataset(some)
    assert dataset.num_frames.tolist() == [row.num_frames for row in some]


@pytest.mark.parametrize("wrong", [3.0, "x", None, [1.5], [[1]], {1: 2}])
def test_other_things_choose_no_rows(wrong: Any, store: melmill.Store) -> None:
    for rows in (store["train"], store["train"][2:]):
        with pytest.raises(TypeError, match="whole numbers or a mask"):
            rows[wrong]


def test_wrong_numbers_and_masks_are_named(store: melmill.Store) -> None:
    train = store["train"]
    with pytest.raises(melmill.RowIndexError, match="row 99 of split train"):
        train[[1, 99]]
    with pytest.raises(melmill.RowIndexError, match="row -22 of"):
        train[np.array([-22])]
    with pytest.raises(melmill.RowIndexError, match="a mask of 3 for split"):
        train[[True, False, True]]


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
