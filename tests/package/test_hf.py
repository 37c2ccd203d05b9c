"""A split as a data set of Hugging Face's `datasets`."""

import os
import pickle
from pathlib import Path
from typing import Any

import datasets
import melmill
import numpy as np
import pytest
import torch
from datasets.distributed import split_dataset_by_node
from store_job import Job
from support import (
    extract,
    make_clips,
    run_melmill,
    snapshot,
    write_manifest,
)
from torch.utils.data import DataLoader


@pytest.fixture(scope="module")
def split(finished_job: Job) -> melmill.Split:
    return melmill.open(finished_job.store)["train"]


@pytest.fixture(scope="module")
def stream(split: melmill.Split) -> datasets.IterableDataset:
    return split.to_hf_dataset()


def as_list(examples: list[Any]) -> list[Any]:
    return examples


def indices_of(loader: Any) -> list[int]:
    return [
        int(example["index"]) for examples in loader for example in examples
    ]


def test_a_stream_has_the_rows_in_their_order(
    stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    assert stream.features["features"].dtype == "float16"
    examples = list(stream)
    assert len(examples) == len(split)
    for example, row in zip(examples, split, strict=True):
        features = example.pop("features")
        assert features.dtype == np.float16
        np.testing.assert_array_equal(features, row.features)
        assert example == {
            "text": row.text,
            "transcript": row.transcript,
            "language": "English",
            "audio": row.audio,
            "duration_s": row.duration_s,
            "index": row.index,
        }


def test_a_float32_store_streams_float32(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "a.jsonl", make_clips(tmp_path, 2))
    flags = ("--dtype", "f32", "--audio-root", tmp_path)
    extract(tmp_path / "store", manifest, *flags)
    rows = melmill.open(tmp_path / "store")["a"]
    stream = rows.to_hf_dataset()
    assert stream.features["features"].dtype == "float32"
    for example, row in zip(stream, rows, strict=True):
        assert example["features"].dtype == np.float32
        np.testing.assert_array_equal(example["features"], row.features)


def test_streaming_copies_nothing_to_disk(
    finished_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    before = snapshot(finished_job.store)
    stream = melmill.open(finished_job.store)["train"].to_hf_dataset()
    assert len(list(stream.shuffle(seed=0, buffer_size=4))) == 21
    assert snapshot(finished_job.store) == before
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) == 0


def test_a_stream_is_pickled_without_features(
    stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    pickled = pickle.dumps(stream)
    assert len(pickled) < 20_000
    copy = pickle.loads(pickled)
    assert [example["index"] for example in copy] == list(range(len(split)))


def test_torch_format_gives_tensors(
    stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    example = next(iter(stream.with_format("torch")))
    features = example["features"]
    assert features.dtype == torch.float32
    wanted = split[0].features.astype(np.float32)
    np.testing.assert_array_equal(features.numpy(), wanted)


@pytest.mark.parametrize(("method", "num_workers"), [("fork", 2), ("spawn", 1)])
def test_workers_share_the_rows(
    method: str,
    num_workers: int,
    stream: datasets.IterableDataset,
    split: melmill.Split,
) -> None:
    assert stream.num_shards == len(split)
    loader = DataLoader(
        stream,
        batch_size=4,
        collate_fn=as_list,
        num_workers=num_workers,
        multiprocessing_context=method,
    )
    assert sorted(indices_of(loader)) == list(range(len(split)))


@pytest.mark.parametrize("num_nodes", [2, 4])
def test_nodes_share_the_rows(
    num_nodes: int, stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    seen = [
        example["index"]
        for node in range(num_nodes)
        for example in split_dataset_by_node(
            stream, rank=node, world_size=num_nodes
        )
    ]
    assert sorted(seen) == list(range(len(split)))


def test_shuffle_gives_another_order_in_each_epoch(
    stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    shuffled = stream.shuffle(seed=0, buffer_size=2)
    orders = []
    for epoch in range(2):
        shuffled.set_epoch(epoch)
        orders.append([example["index"] for example in shuffled])
    assert orders[0] != orders[1]
    for order in orders:
        assert order != sorted(order) == list(range(len(split)))


def test_a_stream_goes_on_where_its_state_was_taken(
    stream: datasets.IterableDataset, split: melmill.Split
) -> None:
    stopped = iter(stream)
    before = [next(stopped)["index"] for _ in range(9)]
    resumed = pickle.loads(pickle.dumps(stream))
    resumed.load_state_dict(stream.state_dict())
    after = [example["index"] for example in resumed]
    assert before + after == list(range(len(split)))


def test_a_split_without_rows_streams_none(tmp_path: Path) -> None:
    rows = make_clips(tmp_path, 2)
    manifest = write_manifest(tmp_path / "a.jsonl", rows[:1])
    os.truncate(tmp_path / "clip01.wav", 30)
    empty = write_manifest(tmp_path / "b.jsonl", rows[1:])
    flags = ("--audio-root", tmp_path)
    run = run_melmill(
        "extract", manifest, empty, "--out", tmp_path / "store", *flags
    )
    assert run.exit_code == 0, run.stderr
    assert list(melmill.open(tmp_path / "store")["b"].to_hf_dataset()) == []
