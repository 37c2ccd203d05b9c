"""The package reads what the program wrote, row by row."""

import contextlib
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import h5py
import melmill
import numpy as np
import pytest
import torch
from melmill import bfloat16
from store_inputs import STORES
from store_job import Job
from support import (
    REPOSITORY,
    Store,
    extract,
    make_clips,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)

Access = Literal["mmap", "pread"]


@pytest.fixture(params=["mmap", "pread"])
def access(request: pytest.FixtureRequest) -> Access:
    chosen: Access = request.param
    return chosen


@pytest.fixture
def store(finished_job: Job, access: Access) -> melmill.Store:
    return melmill.open(finished_job.store, access=access)


def assert_same_rows(store: melmill.Store, folder: Path) -> None:
    """The rows are those that h5py reads."""
    expected = Store(folder)
    assert list(store) == expected.splits
    for name in store.splits:
        rows = expected.rows(name)
        assert len(store[name]) == len(rows)
        for row, wanted in zip(store[name], rows, strict=True):
            assert row.features.dtype == wanted.features.dtype
            stored, single = row.read_stored(), wanted.single
            if store.contract.feature_type == "bf16":
                stored = bfloat16.to_float32(stored)
                single = torch.from_numpy(single).bfloat16().float().numpy()
            np.testing.assert_array_equal(row.features, single)
            np.testing.assert_array_equal(stored, wanted.features)
            np.testing.assert_array_equal(row.tail_samples, wanted.tail_samples)
            assert (row.text, row.audio, row.line, row.num_samples) == (
                wanted.text,
                wanted.audio,
                wanted.line,
                wanted.num_samples,
            )
            assert row.body_max == float(wanted.body_max)
            assert row.floor == float(wanted.floor)
            assert row.num_frames == len(wanted.features)
            assert row.duration_s == wanted.num_samples / 16000


def test_every_row_is_what_h5py_reads(
    store: melmill.Store, finished_job: Job
) -> None:
    assert len(list(finished_job.store.glob("train.*.h5"))) > 3
    assert_same_rows(store, finished_job.store)


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32"])
def test_a_raised_floor_is_applied(
    dtype: str, access: Access, tmp_path: Path
) -> None:
    # The loudest samples touch the end, so floor is above the stored values.
    clip = noise(8000, seed=1, level=1e-4)
    clip[-60:] = noise(60, seed=2, level=0.5)
    path = write_wav(tmp_path / "a.wav", clip, subtype="FLOAT")
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)])
    folder = tmp_path / "store"
    extract(folder, manifest, "--dtype", dtype)
    store = melmill.open(folder, access=access)
    row = store["a"][0]
    assert Store(folder).rows()[0].features.min() < row.features.min()
    assert not row.features.flags.writeable
    assert_same_rows(store, folder)


def test_mapped_features_are_views_that_cannot_be_changed(
    finished_job: Job,
) -> None:
    features = melmill.open(finished_job.store, access="mmap")["train"][
        0
    ].features
    assert features.base is not None
    with pytest.raises(ValueError, match="read-only"):
        features[0, 0] = 1


def test_files_may_be_open_elsewhere(finished_job: Job, access: Access) -> None:
    # HDF5 refuses a file that is open with another setting of its locks.
    paths = list(finished_job.store.glob("*.h5"))
    with contextlib.ExitStack() as stack:
        for path in paths:
            stack.enter_context(h5py.File(path))
        store = melmill.open(finished_job.store, access=access)
        assert_same_rows(store, finished_job.store)


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


@pytest.mark.parametrize(
    ("text", "language", "transcript"),
    [
        ("language English<asr_text>good day", "English", "good day"),
        ("language None<asr_text>good day", None, "good day"),
        ("language English<asr_text>", "English", ""),
        ("good day", None, "good day"),
        ("English<asr_text>good day", None, "good day"),
        ("language English<asr_text>a<asr_text>b", "English", "a<asr_text>b"),
    ],
)
def test_text_is_taken_apart(
    text: str, language: str | None, transcript: str, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "a.wav", noise(4000))
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path, text)])
    extract(tmp_path / "store", manifest)
    row = melmill.open(tmp_path / "store")["a"][0]
    assert (row.text, row.language, row.transcript) == (
        text,
        language,
        transcript,
    )
    pandas = pytest.importorskip("pandas")
    frame = row.split.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.transcript.tolist() == [transcript]


def test_prompts_kept_fields_and_repeated_lines(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(4000))
    line = {"audio": "a.wav", "text": "x", "prompt": "names", "speaker": 7}
    other = {"audio": "a.wav", "text": "y", "prompt": None}
    manifest = write_manifest(tmp_path / "a.jsonl", [line, other])
    store = tmp_path / "store"
    extract(store, manifest, "--audio-root", tmp_path, "--keep", "speaker")
    first, second = melmill.open(store)["a"]
    assert (first.prompt, first.kept) == ("names", {"speaker": 7})
    assert (second.prompt, second.kept) == ("", {"speaker": None})
    assert melmill.open(store).find("a.wav") == first


def test_every_audio_string_is_found(store: melmill.Store) -> None:
    for row in store["train"]:
        assert store["train"].find(row.audio) == row
        assert store.find(row.audio) == row
    with pytest.raises(melmill.MissingAudioError, match=r"other\.wav"):
        store["train"].find("other.wav")


def test_moved_audio_is_found_by_its_path_of_now(finished_job: Job) -> None:
    store = melmill.open(
        finished_job.store,
        audio_root="/data",
        path_map={"clip": "new/clip", "clip0": "never", "/old": "/new"},
    )
    row = store["train"][0]
    assert row.audio.startswith("clip0")
    # A folder, not any text: clip is no folder of clip00.wav.
    assert str(row.audio_path) == f"/data/{row.audio}"
    assert store.find(f"/data/{row.audio}") == row


def test_a_mapped_beginning_is_found_and_opened(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    wav = write_wav(folder / "a.wav", noise(4000))
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(wav)])
    extract(tmp_path / "store", manifest)
    moved = folder.rename(tmp_path / "new")
    store = melmill.open(tmp_path / "store", path_map={str(folder): str(moved)})
    row = store.find(str(moved / "a.wav"))
    assert row.audio == str(wav)
    assert row.audio_path.read_bytes()
    assert store.find(str(wav)) == row
    with pytest.raises(melmill.MissingAudioError):
        store.find(f"{moved}er/a.wav")


def test_pickled_rows_share_one_store(store: melmill.Store) -> None:
    rows = pickle.loads(pickle.dumps(list(store["train"][:3])))
    assert {id(row.split.store) for row in rows} == {id(store)}
    assert rows == list(store["train"][:3])
    assert pickle.dumps(store) == pickle.dumps(store)


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


@pytest.fixture(scope="module")
def thousand_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    wav = write_wav(folder / "clip.wav", noise(4000))
    names = [f"clip{number}.wav" for number in range(1000)]
    for name in names:
        os.link(wav, folder / name)
    manifest = write_manifest(folder / "a.jsonl", map(manifest_row, names))
    out = folder / "store"
    extract(
        *(out, manifest, "--audio-root", folder, "--shard-size", "1KiB"),
    )
    assert len(list(out.glob("a.*.h5"))) > 900
    return out


MANY_SHARDS = """
import os, resource, sys
import melmill

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
split = melmill.open(sys.argv[1], access=sys.argv[2])["a"]
views = [row.features for row in split]
again = [row.features for row in split]
stored = [row.read_stored() for row in split]
assert len(views) == len(again) == len(stored) == 1000
print(len(os.listdir("/proc/self/fd")))
"""


def test_a_thousand_shards_need_few_open_files(
    thousand_shards: Path, access: Access
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MANY_SHARDS, thousand_shards, access],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80


def test_network_file_systems_are_read_not_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from melmill import files

    assert files.is_on_local_file_system(tmp_path)
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"

    def mounts_of(kind: str) -> None:
        line = f"36 35 {number} / /m rw - {kind} source rw\n"
        monkeypatch.setattr(Path, "read_text", lambda _: line)

    for kind in ("nfs4", "cifs", "lustre", "fuse.sshfs"):
        mounts_of(kind)
        assert not files.is_on_local_file_system(tmp_path)
    mounts_of("xfs")
    assert files.is_on_local_file_system(tmp_path)


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


def test_plot_draws_the_row(finished_job: Job) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    row = melmill.open(finished_job.store)["train"][0]
    axes = row.plot()
    (image,) = axes.get_images()
    np.testing.assert_array_equal(image.get_array(), row.features.T)
    assert row.transcript in axes.get_title()


def test_to_pandas_has_every_row(store: melmill.Store) -> None:
    pytest.importorskip("pandas")
    train = store["train"]
    frame = train.to_pandas()
    assert frame.audio.tolist() == [row.audio for row in train]
    assert frame.language.tolist() == [row.language for row in train]
    assert frame.num_frames.tolist() == train.num_frames.tolist()


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
