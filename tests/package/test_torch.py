"""Data set, collate and sampler in a DataLoader."""

import functools
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import pytest
import torch
from melmill.padding import batch_features
from melmill.torch import (
    Example,
    FeatureDataset,
    LengthBucketSampler,
    collate,
)
from store_job import Job
from support import extract, make_clips, write_manifest
from torch.utils.data import DataLoader, Subset

Batch = dict[str, Any]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]
MAX_FRAMES = 300  # of a batch; clips have 30 to 90


@pytest.fixture(scope="module")
def split(finished_job: Job) -> melmill.Split:
    return melmill.open(finished_job.store)["train"]


def loader_of(
    dataset: FeatureDataset, sampler: LengthBucketSampler, **options: Any
) -> DataLoader[Example]:
    return DataLoader(
        dataset, batch_sampler=sampler, collate_fn=collate, **options
    )


def make_sampler(dataset: FeatureDataset) -> LengthBucketSampler:
    return LengthBucketSampler(dataset, max_frames_per_batch=MAX_FRAMES, seed=1)


def assert_same(batches: Sequence[Batch], expected: Sequence[Batch]) -> None:
    assert len(batches) == len(expected)
    for batch, wanted in zip(batches, expected, strict=True):
        assert batch.keys() == wanted.keys()
        for name, value in wanted.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(batch[name], value), name
            else:
                assert batch[name] == value, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stored_as", ["f16", "bf16", "f32", "u8"])
def test_an_example_is_the_row_as_a_tensor(
    stored_as: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path / "a.jsonl", make_clips(tmp_path, 2))
    flags = ("--dtype", stored_as, "--audio-root", tmp_path)
    extract(tmp_path / "store", manifest, *flags)
    dataset = FeatureDataset(tmp_path / "store", dtype=dtype)
    rows = melmill.open(tmp_path / "store")["a"]
    assert len(dataset) == len(rows) == 2
    for index, row in enumerate(rows):
        features = dataset[index].features
        assert features.dtype == dtype
        wanted = torch.from_numpy(row.features.astype(np.float32))
        assert torch.equal(features, wanted.to(dtype))
        assert dataset[index].row.audio == row.audio


def test_changing_an_example_does_not_change_the_row(
    split: melmill.Split,
) -> None:
    dataset = FeatureDataset(split)
    before = dataset[3].features.clone()
    dataset[3].features.zero_()
    assert torch.equal(dataset[3].features, before)


def test_a_split_is_opened_by_name_or_alone(
    finished_job: Job, split: melmill.Split
) -> None:
    assert len(FeatureDataset(finished_job.store, split="eval")) == 6
    assert len(FeatureDataset(str(finished_job.store), split="train")) == (
        len(split)
    )
    with pytest.raises(ValueError, match="train, eval: say which"):
        FeatureDataset(finished_job.store)
    with pytest.raises(melmill.MissingSplitError, match="'test'"):
        FeatureDataset(finished_job.store, split="test")
    with pytest.raises(ValueError, match="'eval' is for a store's folder"):
        FeatureDataset(split, split="eval")


@pytest.mark.parametrize("part", [slice(3, 9), slice(None, None, -1)])
def test_a_part_of_a_split_is_a_data_set(
    part: slice, split: melmill.Split
) -> None:
    dataset = FeatureDataset(split[part])
    rows = list(split)[part]
    assert [dataset[i].row for i in range(len(dataset))] == rows
    assert dataset.num_frames.tolist() == [row.num_frames for row in rows]
    batches = list(loader_of(dataset, make_sampler(dataset)))
    seen = [index for batch in batches for index in batch["index"]]
    assert sorted(seen) == sorted(row.index for row in rows)


@pytest.mark.parametrize("num_samples", [None, 480_000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_is_what_the_extractor_gives_for_padded_clips(
    dtype: torch.dtype, num_samples: int | None, split: melmill.Split
) -> None:
    rows = list(split[2:9])
    dataset = FeatureDataset(split)
    examples = [dataset[row.index] for row in rows]
    batch = collate(examples, dtype=dtype, num_samples=num_samples)
    expected = batch_features(rows, num_samples=num_samples)
    features = torch.from_numpy(np.ascontiguousarray(expected.features))
    assert batch == {
        "input_features": batch["input_features"],
        "feature_attention_mask": batch["feature_attention_mask"],
        "text": [row.text for row in rows],
        "transcript": [row.transcript for row in rows],
        "language": ["English"] * len(rows),
        "audio": [row.audio for row in rows],
        "index": [row.index for row in rows],
    }
    assert batch["input_features"].dtype == dtype
    assert torch.equal(batch["input_features"], features.to(dtype))
    mask = batch["feature_attention_mask"]
    assert mask.dtype == torch.int32
    assert torch.equal(mask, torch.from_numpy(expected.mask))
    assert_same([collate(rows, dtype=dtype, num_samples=num_samples)], [batch])


def count_letters(row: melmill.Row) -> list[int]:
    return [len(row.transcript)]


@pytest.mark.parametrize("num_samples", [None, 480_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_with_labels_an_item_is_a_dict_for_trainer(
    dtype: torch.dtype, num_samples: int | None, split: melmill.Split
) -> None:
    dataset = FeatureDataset(
        split[2:9], dtype=dtype, num_samples=num_samples, labels=count_letters
    )
    for item, row in zip(
        [dataset[i] for i in range(len(dataset))], split[2:9], strict=True
    ):
        wanted = collate([row], dtype=dtype, num_samples=num_samples)
        assert list(item) == ["input_features", "labels"]
        assert torch.equal(item["input_features"], wanted["input_features"][0])
        assert item["input_features"].dtype == dtype
        assert item["labels"] == [len(row.transcript)]
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy[0]["labels"] == dataset[0]["labels"]


def test_rows_that_are_too_long_for_a_dict_are_named_at_once(
    split: melmill.Split,
) -> None:
    lengths = split.num_samples.astype(int)
    limit = int(np.sort(lengths)[-5])
    long = np.flatnonzero(lengths > limit)
    assert len(long) == 4
    first = split[int(long[0])]
    with pytest.raises(
        ValueError,
        match=rf"^4 of {len(split)} rows are longer .*: {first.audio} \(row "
        rf"{first.index} of split train\) has .*; .*, and 1 more\. A store",
    ):
        FeatureDataset(split, num_samples=limit, labels=count_letters)
    part = split[: int(long[0])]
    FeatureDataset(part, num_samples=limit, labels=count_letters)
    rows = split[first.index : first.index + 1]
    with pytest.raises(ValueError, match="1 of 1 rows"):
        FeatureDataset(rows, num_samples=limit, labels=count_letters)
    with pytest.raises(ValueError, match="give labels too"):
        FeatureDataset(split, num_samples=480_000)


def test_a_data_set_is_pickled_by_path(split: melmill.Split) -> None:
    dataset = FeatureDataset(split, dtype=torch.bfloat16)
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 1000
    copy = pickle.loads(pickled)
    assert copy.dtype == torch.bfloat16
    assert torch.equal(copy[4].features, dataset[4].features)


@pytest.mark.parametrize(
    ("method", "num_workers", "persistent"),
    [("fork", 2, False), ("fork", 2, True), ("spawn", 1, True)],
)
def test_workers_give_the_batches_that_the_process_itself_gives(
    method: str, num_workers: int, persistent: bool, split: melmill.Split
) -> None:
    dataset = FeatureDataset(split)
    alone = make_sampler(dataset)
    shared = make_sampler(dataset)
    by_workers = loader_of(
        dataset,
        shared,
        num_workers=num_workers,
        multiprocessing_context=method,
        persistent_workers=persistent,
    )
    for epoch in range(2):
        alone.set_epoch(epoch)
        shared.set_epoch(epoch)
        expected = list(loader_of(dataset, alone))
        assert len(expected) == len(alone) > 4
        assert_same(list(by_workers), expected)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("num_done", [1, 4])
def test_training_goes_on_with_the_batch_after_the_last_one_trained_on(
    num_done: int, num_workers: int, split: melmill.Split
) -> None:
    dataset = FeatureDataset(split)
    whole = make_sampler(dataset)
    whole.set_epoch(3)
    expected = list(loader_of(dataset, whole))

    stopped = make_sampler(dataset)
    stopped.set_epoch(3)
    loader = iter(loader_of(dataset, stopped, num_workers=num_workers))
    before = [next(loader) for _ in range(num_done)]
    state = stopped.state_dict(num_batches_done=num_done)
    if num_workers == 0:
        assert state == stopped.state_dict()
    del loader

    resumed = make_sampler(dataset)
    resumed.load_state_dict(state)
    after = list(loader_of(dataset, resumed, num_workers=num_workers))
    assert_same([*before, *after], expected)


@pytest.mark.parametrize("num_workers", [0, None])
def test_a_loader_has_batches_of_all_rows(
    num_workers: int | None, split: melmill.Split
) -> None:
    dataset = FeatureDataset(split, dtype=torch.bfloat16)
    loader = dataset.loader(
        max_frames_per_batch=MAX_FRAMES, seed=1, num_workers=num_workers
    )
    expected = [
        collate([dataset[i] for i in rows], dtype=torch.bfloat16)
        for rows in make_sampler(dataset)
    ]
    assert_same(list(loader), expected)
    assert (loader.num_workers > 0) is (num_workers is None)


def test_a_loader_needs_no_choices(split: melmill.Split) -> None:
    dataset = FeatureDataset(split[[3, 1, 2]])
    (batch,) = dataset.loader(num_workers=0)
    assert sorted(batch["index"]) == [1, 2, 3]
    short = dataset.loader(max_frames_per_batch=1, shuffle=False, num_workers=0)
    lengths = [batch["input_features"].shape[-1] for batch in short]
    assert lengths == sorted(dataset.num_frames.tolist(), reverse=True)
    with pytest.raises(ValueError, match="for a Trainer"):
        FeatureDataset(split, labels=str).loader()


def test_a_data_set_says_what_it_has(split: melmill.Split) -> None:
    shown = repr(FeatureDataset(split[:2]))
    assert shown == f"<FeatureDataset of <2 rows of {split!r}>, torch.float32>"


def test_a_subset_leaves_out_rows_that_are_too_long(
    split: melmill.Split,
) -> None:
    short = np.flatnonzero(split.num_frames <= 60).tolist()
    assert 3 < len(short) < len(split)
    sampler = LengthBucketSampler(
        split.num_frames[short], max_frames_per_batch=60
    )
    loader = DataLoader(
        Subset(FeatureDataset(split), short),
        batch_sampler=sampler,
        collate_fn=functools.partial(collate, dtype=torch.bfloat16),
    )
    seen = []
    for batch in loader:
        rows, _, num_frames = batch["input_features"].shape
        assert rows * num_frames <= 60
        seen += batch["index"]
    assert sorted(seen) == short


def test_a_long_row_of_a_split_is_named_with_its_audio(
    split: melmill.Split,
) -> None:
    row = int(np.flatnonzero(split.num_frames > 80)[0])
    named = rf"row {row} \({split[row].audio}\) has"
    for rows in (split, FeatureDataset(split)):
        with pytest.raises(ValueError, match=named):
            LengthBucketSampler(rows, max_frames_per_batch=80)
