"""The package reads what the program wrote, row by row."""

import contextlib
import gc
import multiprocessing
import os
import pickle
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import h5py
import melmill
import numpy as np
import pytest
import torch
from melmill._store import bfloat16, files, table
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


SPELLINGS = [
    *("./{}", "{folder}//{name}", "x/../{}", "./x/.././{folder}/./{name}"),
]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; it has the clips clips/0.wav to clips/5.wav."""
    (tmp_path / "clips").mkdir()
    for number in range(6):
        write_wav(tmp_path / f"clips/{number}.wav", noise(4000, seed=number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def store_with(
    audio: Sequence[str], *more: Sequence[str], **options: Any
) -> melmill.Store:
    """A store of audio strings, and of more in splits of their own."""
    manifests = [
        write_manifest(Path(f"split{number}.jsonl"), map(manifest_row, strings))
        for number, strings in enumerate([audio, *more])
    ]
    extract(Path("store"), *manifests)
    return melmill.open("store", **options)


def spelled(template: str, audio: str) -> str:
    folder, name = os.path.split(audio)
    return template.format(audio, folder=folder, name=name)


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("template", SPELLINGS)
def test_other_spellings_of_a_path_are_found(
    template: str, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_ROWS_AT_ONCE", 2)
    audio = [f"clips/{number}.wav" for number in range(5)]
    audio[3] = f"./{audio[3]}"
    Path("x").mkdir()
    store = store_with([*audio, "clips/./5.wav"], access=access)
    for number in range(6):
        asked = spelled(template, f"clips/{number}.wav")
        assert store.find(asked).index == number
        assert store["split0"].index_of(asked) == number
    with pytest.raises(melmill.MissingAudioError):
        store.find(spelled(template, "clips/6.wav"))


def test_absolute_paths_are_found_where_the_root_is_known(
    in_folder: Path,
) -> None:
    audio = [f"clips/{number}.wav" for number in range(4)]
    audio[2] = str(in_folder / audio[2])
    audio[3] = f"{in_folder}/./{audio[3]}"
    store = store_with(audio, audio_root=".")
    for number in range(4):
        for template in ("clips/{}.wav", "clips//{}.wav", "./clips/{}.wav"):
            path = template.format(number)
            assert store.find(path).index == number
            assert store.find(f"{in_folder}/{path}").index == number
            assert store.find(f"../{in_folder.name}/{path}").index == number


def test_a_mapped_path_is_found_in_another_spelling(in_folder: Path) -> None:
    store_with([f"{in_folder}/clips/0.wav", "clips/1.wav"])
    path_map = {str(in_folder): "/new", "clips": "moved"}
    store = melmill.open("store", path_map=path_map)
    assert store.find("/new/./clips/0.wav").index == 0
    assert store.find("moved/x/../1.wav").index == 1


@pytest.mark.usefixtures("in_folder")
def test_the_string_itself_wins_and_nothing_is_guessed() -> None:
    store = store_with(
        ["./clips/0.wav", "clips/1.wav"], ["clips/0.wav", "clips/0.wav"]
    )
    assert store.find("./clips/0.wav").split.name == "split0"
    exact = store.find("clips/0.wav")
    assert (exact.split.name, exact.index) == ("split1", 0)
    with pytest.raises(melmill.AmbiguousAudioError) as raised:
        store.find("clips//0.wav")
    for spelling in ("'clips/0.wav'", "'./clips/0.wav'"):
        assert spelling in str(raised.value)
    assert store["split1"].find("clips//0.wav").index == 0
    assert store.find("clips//1.wav").index == 1


def test_a_link_before_dots_is_another_folder(in_folder: Path) -> None:
    (in_folder / "far" / "away").mkdir(parents=True)
    (in_folder / "link").symlink_to(in_folder / "far" / "away")
    store = store_with(["clips/0.wav", "clips/1.wav"])
    (in_folder / "far" / "clips").mkdir()
    shutil.copy("clips/1.wav", "far/clips/0.wav")
    with pytest.raises(melmill.MissingAudioError):
        store.find("link/../clips/0.wav")
    with pytest.raises(melmill.MissingAudioError):
        store.find("link/../clips/1.wav")
    assert store.find("far/../clips/0.wav").index == 0
    # Where there is no such file, nobody can tell.
    (in_folder / "clips").rename(in_folder / "gone")
    assert store.find("nowhere/../clips/0.wav").index == 0


def test_what_is_missing_says_which_argument_helps(in_folder: Path) -> None:
    store = store_with(["clips/0.wav", "clips/1.wav"])
    with pytest.raises(
        melmill.MissingAudioError,
        match=rf"'clips/1\.wav': .* audio_root='{in_folder}'.*--audio-root",
    ):
        store.find(f"{in_folder}/clips/1.wav")
    for source in (store, store["split0"]):
        with pytest.raises(
            melmill.MissingAudioError,
            match=r"look like 'clips/0\.wav': audio_root .* path_map",
        ):
            source.find("/old/9.wav")


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


def run_python(
    code: str, *arguments: str | Path, before: Sequence[str] = ()
) -> str:
    """What a program prints that is run by itself, perhaps by another."""
    done = subprocess.run(
        [*before, sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if before and done.returncode == CANNOT_MOUNT:
        pytest.skip("this process cannot mount")
    assert done.returncode == 0, done.stderr
    return done.stdout


CANNOT_MOUNT = 77

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
    assert int(run_python(MANY_SHARDS, thousand_shards, access)) < 80


MANY_STORES = """
import os, resource, sys
import melmill

limits = 1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
path, access = sys.argv[1:]
stores = [melmill.open(path, access=access) for _ in range(18)]
for at in range(70):
    for store in stores:
        assert len(store["a"][at].read_stored()), at
print(len(os.listdir("/proc/self/fd")))
assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits
"""


def test_many_stores_share_one_bound_of_open_files(
    thousand_shards: Path, access: Access
) -> None:
    # 18 times 64 would be too many.
    assert 200 < int(run_python(MANY_STORES, thousand_shards, access)) < 290


NO_FILES_LEFT = """
import os, resource, sys
import melmill

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
split = melmill.open(sys.argv[1], access="pread")["a"]
for row in split[:100]:
    row.features
others = []
try:
    while True:
        others.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
split[0].text  # the table gave way to nobody
for row in split:
    row.features
print(len(others))
"""


def test_files_give_way_where_others_took_all_that_may_be_open(
    thousand_shards: Path,
) -> None:
    assert int(run_python(NO_FILES_LEFT, thousand_shards)) > 30


def test_the_file_that_was_used_last_stays_open(
    thousand_shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    make = files.StoreFile.__init__

    def noted(self: files.StoreFile, path: Path, num_bytes: int) -> None:
        opened.append(path)
        make(self, path, num_bytes)

    monkeypatch.setattr(files, "max_open_files", lambda: 8)
    monkeypatch.setattr(files.StoreFile, "__init__", noted)
    split = melmill.open(thousand_shards, access="pread")["a"]
    for row in split[:100]:
        assert row.text is not None
        assert len(row.read_stored())
    assert opened.count(thousand_shards / "a.rows.h5") == 1
    assert len(opened) > 90
    assert len(files._open_files) <= 8


def test_a_store_that_is_gone_keeps_no_file_open(finished_job: Job) -> None:
    gc.collect()
    before = set(files._open_files)
    store = melmill.open(finished_job.store, access="pread")
    store["train"][0].read_stored()
    assert len(set(files._open_files) - before) >= 2
    del store
    gc.collect()
    assert not set(files._open_files) - before


@pytest.mark.parametrize(
    ("limit", "bound"),
    [(16, 8), (256, 64), (1024, 256), (1 << 20, 512), (-1, 512)],
)
def test_the_bound_follows_the_limit_of_the_process(
    limit: int, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert files.max_open_files() == bound


def test_network_file_systems_are_read_not_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.is_on_local_file_system(tmp_path)
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(files, "_MOUNTS", mounts)

    def mounts_of(kind: str) -> None:
        # A mount at a path of another encoding, and a line cut short.
        mounts.write_bytes(
            b"35 1 0:5555 / /usb\xe9 rw - tmpfs none rw\n35 1\n\n"
            + f"36 35 {number} / /m rw - {kind} source rw\n".encode()
        )

    for kind in ("nfs4", "cifs", "lustre", "fuse.sshfs", "fuse"):
        mounts_of(kind)
        assert not files.is_on_local_file_system(tmp_path)
    mounts_of("xfs")
    assert files.is_on_local_file_system(tmp_path)
    mounts.unlink()
    assert not files.is_on_local_file_system(tmp_path)


READ_ALL = """
import sys
import melmill
from melmill.padding import batch_features

split = melmill.open(sys.argv[1])["train"]
assert [len(row.features) for row in split] == split.num_frames.tolist()
batch_features(split[:4])
assert split.find(split[3].audio).index == 3
print("read")
"""

WITHOUT_PROC = 'mount -t tmpfs none /proc || exit 77; exec "$@"'
ODD_MOUNT = (
    'D=$(printf \'usb\\351\'); cd "$1"; mkdir "$D"; '
    'mount -t tmpfs none "$D" || exit 77; shift; exec "$@"'
)


@pytest.mark.parametrize(
    "mount", [WITHOUT_PROC, ODD_MOUNT], ids=["no proc", "odd mount"]
)
def test_stores_are_read_whatever_is_mounted(
    mount: str, finished_job: Job, tmp_path: Path
) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("needs unshare, and to be root")
    before = [unshare, "--mount", "bash", "-c", mount, "bash"]
    if mount == ODD_MOUNT:
        before.append(str(tmp_path))
    assert run_python(READ_ALL, finished_job.store, before=before) == "read\n"


LATE_IMPORTS = """
import sys
import melmill
import melmill.padding
import melmill.torch

path, access = sys.argv[1:]
before = set(sys.modules)
split = melmill.open(path, access=access)["train"]
for row in split[:4]:
    row.features, row.read_stored(), row.text, row.kept, row.audio_path
assert split.find("./" + split[0].audio) == split[0]
melmill.padding.batch_features(split[:4])
melmill.torch.collate(split[:4])
data = melmill.torch.FeatureDataset(split[:10])
sampler = melmill.torch.LengthBucketSampler(data, max_frames_per_batch=9999)
assert list(sampler)
data[0].features
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_imported_when_it_is_first_used(
    finished_job: Job, access: Access
) -> None:
    # A child that is forked during an import waits for it for ever.
    printed = run_python(LATE_IMPORTS, finished_job.store, access)
    assert printed == "[]\n"


FORKS_AT_FIRST_BATCH = """
import os, signal, sys, threading, time
import melmill
from melmill.padding import batch_features

split = melmill.open(sys.argv[1])["train"]
threads = [
    threading.Thread(target=batch_features, args=(split[:4],), daemon=True)
    for _ in range(2)
]
for thread in threads:
    thread.start()
children = set()
for _ in range(25):
    child = os.fork()
    if child == 0:
        batch_features(split[:4])
        os._exit(0)
    children.add(child)
end = time.monotonic() + 60
failed = 0
while children and time.monotonic() < end:
    done, status = os.waitpid(-1, os.WNOHANG)
    children.discard(done)
    failed += status != 0
    time.sleep(0 if done else 0.01)
for child in children:
    os.kill(child, signal.SIGKILL)
print(len(children), failed)
os._exit(0)
"""


def test_children_forked_at_the_first_batch_do_not_hang(
    finished_job: Job,
) -> None:
    for _ in range(3):
        printed = run_python(FORKS_AT_FIRST_BATCH, finished_job.store)
        assert printed == "0 0\n"


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
