"""Few files are open at a time, and mapped only where that is safe."""

import gc
import os
import resource
import shutil
from pathlib import Path

import melmill
import pytest
from melmill._store import files
from store_job import Job
from store_reading import Access, run_python
from support import extract, manifest_row, noise, write_manifest, write_wav

pytest_plugins = ["store_fixtures"]


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
