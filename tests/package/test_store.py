"""Stores are opened alone or several as one, in threads and processes."""

import gc
import multiprocessing
import os
import pickle
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import melmill
import numpy as np
import pytest
from melmill._store.row import stored_rows
from store_inputs import STORES
from store_job import Job
from store_reading import Access, assert_same_rows
from support import (
    Store,
    extract,
    make_clips,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)

pytest_plugins = ["store_fixtures"]


def test_pickled_rows_share_one_store(store: melmill.Store) -> None:
    rows = pickle.loads(pickle.dumps(list(store["train"][:3])))
    assert {id(row.split.store) for row in rows} == {id(store)}
    assert rows == list(store["train"][:3])
    assert pickle.dumps(store) == pickle.dumps(store)


def test_a_store_is_a_mapping_of_splits(store: melmill.Store) -> None:
    assert isinstance(store, Mapping)
    assert list(store.keys()) == list(store.splits) == ["train", "eval"]
    assert list(store.items()) == [(name, store[name]) for name in store]
    assert "train" in store
    assert "test" not in store
    assert store.get("test") is None
    assert {**store}["eval"] == store["eval"]
    assert store._ipython_key_completions_() == ["train", "eval"]


def test_a_block_closes_the_files_of_its_store(
    finished_job: Job, access: Access
) -> None:
    def num_open() -> int:
        return sum(
            finished_job.store in Path(os.readlink(link)).parents
            for link in Path("/proc/self/fd").iterdir()
            if link.is_symlink()
        )

    gc.collect()
    before = num_open()
    with melmill.open(finished_job.store, access=access) as store:
        rows = list(store["train"])
        views = [row.features for row in rows]
        copies = [np.array(view) for view in views]
        assert num_open() > before + 3
    assert num_open() == before
    for row, view, copy in zip(rows, views, copies, strict=True):
        np.testing.assert_array_equal(view, copy)
        np.testing.assert_array_equal(row.features, copy)


def features_sum(row: melmill.Row) -> float:
    return float(row.features.astype(np.float64).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(
    method: str, store: melmill.Store
) -> None:
    rows = list(store["train"])
    expected = [features_sum(row) for row in rows]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(features_sum, rows) == expected


def test_threads_read_the_same(store: melmill.Store) -> None:
    rows = list(store["train"]) * 3
    expected = [features_sum(row) for row in rows]
    fresh = melmill.open(store.folders[0], access=store._access)["train"]
    found: list[list[float]] = [[] for _ in range(4)]

    def read(number: int) -> None:
        found[number] = [features_sum(fresh[row.index]) for row in rows]

    threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def make_store(
    folder: Path, name: str, rows: list[dict[str, object]], *flags: str
) -> Path:
    manifest = write_manifest(folder / "train.jsonl", rows)
    out = folder / name
    extract(out, manifest, "--audio-root", folder, *flags)
    return out


@pytest.fixture
def clips(tmp_path: Path) -> list[dict[str, object]]:
    return make_clips(tmp_path, 9)


def test_several_stores_are_one(
    clips: list[dict[str, object]], tmp_path: Path
) -> None:
    # The fifth clip is in both, the same.
    first = make_store(tmp_path, "first", clips[:5])
    second = make_store(tmp_path, "second", clips[4:])
    train = melmill.open([first, second])["train"]
    wanted = Store(first).rows() + Store(second).rows()
    assert [row.audio for row in train] == [row.audio for row in wanted]
    for row, expected in zip(train, wanted, strict=True):
        np.testing.assert_array_equal(row.features, expected.single)
    assert train.num_frames.tolist() == [len(row.features) for row in wanted]
    assert stored_rows(list(train)) == [row.stored for row in train]
    assert train.find(wanted[-1].audio).index == 9
    assert train.find(wanted[5].audio).index == 4
    with pytest.raises(melmill.RowIndexError):
        train[10]


def test_stores_made_with_different_resamplers_are_one(tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(4)]
    for number, name in enumerate(names):
        write_wav(tmp_path / name, noise(20_000, seed=number), 48_000)
    lines = [manifest_row(name) for name in names]
    stores = [
        make_store(tmp_path, "spectral", lines[:2], "--resampler", "spectral"),
        make_store(tmp_path, "soxr", lines[2:], "--resampler", "soxr"),
    ]
    made_by = [Store(store).index["producer"]["resampler"] for store in stores]
    assert made_by[0].startswith("spectral ")
    assert made_by[1].startswith("libsoxr-")
    train = melmill.open(stores)["train"]
    wanted = [row for store in stores for row in Store(store).rows()]
    assert [row.audio for row in train] == names
    for row, expected in zip(train, wanted, strict=True):
        np.testing.assert_array_equal(row.features, expected.single)


def test_stores_with_other_features_of_one_audio_are_refused(
    clips: list[dict[str, object]], tmp_path: Path
) -> None:
    first = make_store(tmp_path, "first", clips[:5])
    samples = noise(5000, seed=99)
    write_wav(tmp_path / str(clips[3]["audio"]), samples)
    second = make_store(tmp_path, "second", clips[3:])
    with pytest.raises(melmill.ContractError, match=str(clips[3]["audio"])):
        melmill.open([first, second])


def test_stores_of_other_contracts_are_refused(
    clips: list[dict[str, object]], tmp_path: Path
) -> None:
    first = make_store(tmp_path, "first", clips[:5])
    second = make_store(tmp_path, "second", clips[5:], "--preset", "whisper")
    with pytest.raises(
        melmill.ContractError, match=r"n_mels: 128 and 80$"
    ) as caught:
        melmill.open([first, second])
    assert "second" in str(caught.value)


@pytest.fixture
def moved_store(finished_job: Job, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_job.store, tmp_path / "elsewhere"))


def test_a_moved_store_opens(moved_store: Path) -> None:
    assert_same_rows(melmill.open(moved_store), moved_store)


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in STORES.glob("*/*/store.json")),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_a_committed_store_of_an_earlier_program_opens(
    folder: Path, access: Access
) -> None:
    assert_same_rows(melmill.open(folder, access=access), folder)


def test_a_committed_unfinished_store_is_refused() -> None:
    (folder,) = STORES.glob("0.1.0/unfinished*")
    with pytest.raises(melmill.UnfinishedStoreError):
        melmill.open(folder)
