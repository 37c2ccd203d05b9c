"""After a power loss, what has its final name is whole."""

import dataclasses
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from fault_job import assert_only_whole_files
from support import files_of
from write_shim import (
    DONE,
    KILLED,
    Call,
    Fault,
    FaultyDisk,
    all_or_some,
    assert_old_or_new,
    in_parallel,
    mounted,
    read_log,
    require_mounts,
    shim_env,
    without_second_line,
)

# What was not synced stays in memory for longer than a test runs.
LOOP = ("-t", "ext4", "-o", "loop,commit=300")

RENAME_NOREPLACE = 1  # <stdio.h>
RENAME_EXCHANGE = 2

Files = dict[str, bytes]  # names in the store's folder


@dataclasses.dataclass(eq=False)
class Inode:
    """A file's bytes: as the program sees them, and as fsync last left them."""

    content: bytearray = dataclasses.field(default_factory=bytearray)
    durable: bytes = b""

    def write(self, offset: int, written: bytes) -> None:
        self.reserve(offset + len(written))
        self.content[offset : offset + len(written)] = written

    def reserve(self, num_bytes: int) -> None:
        self.content.extend(bytes(max(0, num_bytes - len(self.content))))

    def survivors(self) -> Iterator[bytes]:
        """What may be there after a power loss; fsync leaves no choice."""
        yield self.durable
        if self.content != self.durable:
            yield bytes(self.content)
            # The size and the reserved space, but not what was written.
            yield bytes(len(self.content))


Names = dict[str, Inode]  # by path
Change = Callable[[Names], None]


def link(path: str, inode: Inode) -> Change:
    return lambda names: names.update({path: inode})


def unlink(path: str) -> Change:
    def apply(names: Names) -> None:
        names.pop(path, None)

    return apply


def rename(path: str, new_path: str, inode: Inode) -> Change:
    def apply(names: Names) -> None:
        names.pop(path, None)
        names[new_path] = inode

    return apply


class ReplayedDisk:
    """What a power loss may leave of a store, call by call.

    The weakest that file systems promise: data are there after fsync of their
    file, names after fsync of their folder; before that any of them may be.
    """

    def __init__(self, store: Path, files: Mapping[str, bytes]):
        self.store = str(store)
        self.names: Names = {
            f"{store}/{name}": Inode(bytearray(content), content)
            for name, content in files.items()
        }
        if files:
            self.names[self.store] = Inode()
        self.durable_names = dict(self.names)
        self.changes: list[tuple[str, Change]] = []  # not durable, by folder
        self.by_fd: dict[int, Inode] = {}

    def apply(self, call: Call) -> None:
        if call.result < 0:
            return
        if call.kind == "open":
            self._open(call)
        elif call.kind == "mkdir":
            self._change(call.path, link(call.path, Inode()))
        elif call.kind == "unlink":
            self._change(call.path, unlink(call.path))
        elif call.kind == "rename":
            moved = self.names[call.path]
            change = rename(call.path, call.second_path, moved)
            self._change(call.path, change)
        elif call.kind == "renameat2":
            self._renameat2(call)
        elif call.kind == "pwrite":
            self.by_fd[call.fd].write(call.offset, call.written)
        elif call.kind == "write":  # .local only grows
            inode = self.by_fd[call.fd]
            inode.write(len(inode.content), call.written)
        elif call.kind == "fallocate":
            self.by_fd[call.fd].reserve(call.offset + call.length)
        elif call.kind == "ftruncate":
            del self.by_fd[call.fd].content[call.length :]
            self.by_fd[call.fd].reserve(call.length)
        elif call.kind == "fsync":
            self._sync(call)
        else:
            assert call.kind in ("close", "sync_file_range"), call.kind

    def _renameat2(self, call: Call) -> None:
        if call.flags == RENAME_EXCHANGE:
            path, other = call.path, call.second_path
            swapped = {path: self.names[other], other: self.names[path]}
            self._change(path, lambda names: names.update(swapped))
            return
        assert call.flags == RENAME_NOREPLACE
        moved = self.names[call.path]
        self._change(call.path, rename(call.path, call.second_path, moved))

    def _change(self, path: str, change: Change) -> None:
        change(self.names)
        self.changes.append((os.path.dirname(path), change))

    def _open(self, call: Call) -> None:
        if call.flags & os.O_TMPFILE == os.O_TMPFILE:
            self.by_fd[call.fd] = Inode()
            return
        if call.path not in self.names:
            self._change(call.path, link(call.path, Inode()))
        self.by_fd[call.fd] = self.names[call.path]
        if call.flags & os.O_TRUNC:
            self.by_fd[call.fd].content.clear()

    def _sync(self, call: Call) -> None:
        is_file = call.path in self.names and call.path != self.store
        if is_file:
            inode = self.by_fd[call.fd]
            inode.durable = bytes(inode.content)
            return
        waiting = []
        for folder, change in self.changes:
            if folder == call.path:
                change(self.durable_names)
            else:
                waiting.append((folder, change))
        self.changes = waiting

    def survivors(self) -> Iterator[Files]:
        """What may be there; of the data, those of one file at a time vary."""
        for names in self._surviving_names():
            files = {
                path: inode
                for path, inode in names.items()
                if path.startswith(f"{self.store}/") and self.store in names
            }
            least = {
                os.path.basename(path): inode.durable
                for path, inode in files.items()
            }
            yield least
            for path, inode in files.items():
                for content in inode.survivors():
                    yield {**least, os.path.basename(path): content}

    def _surviving_names(self) -> Iterator[Names]:
        yield self.durable_names
        if not self.changes:
            return
        yield self.names
        for _, change in self.changes:
            names = dict(self.durable_names)
            change(names)
            yield names

    def least(self) -> Files:
        return next(self.survivors())


def replay(
    disk: FaultyDisk,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    calls: Sequence[Call],
    store: Path,
) -> list[Files]:
    """Checks all that a power loss may leave; returns each state once.

    Args:
      disk: The job.
      before: The store's files when the run began.
      after: Those that it made.
      calls: What it did.
      store: Where.
    """
    replayed = ReplayedDisk(store, before)
    states: dict[frozenset[tuple[str, bytes]], Files] = {}
    for call in calls:
        replayed.apply(call)
        for files in replayed.survivors():
            key = frozenset(files.items())
            if key not in states:
                assert_old_or_new(files, before, after)
                states[key] = files
    assert_has(replayed.least(), after)
    return list(states.values())


def assert_has(files: Mapping[str, bytes], store: Mapping[str, bytes]) -> None:
    """The store, and perhaps leftovers."""
    assert {name: files.get(name) for name in store} == store


def assert_rerun_recovers(
    disk: FaultyDisk, states: Sequence[Files], whole: Mapping[str, bytes]
) -> None:
    def trial(number: int) -> None:
        store = disk.store(f"state{number}")
        store.mkdir()
        for name, content in states[number].items():
            (store / name).write_bytes(content)
        rerun = disk.job.extract(store, *disk.flags)
        assert rerun.exit_code == DONE, rerun.stderr
        assert files_of(store) == whole
        shutil.rmtree(store)

    in_parallel(trial, all_or_some(range(len(states)), 60))


def test_power_loss_after_any_call_leaves_only_whole_files(
    disk: FaultyDisk,
) -> None:
    calls = disk.calls()
    states = replay(disk, {}, disk.whole, calls, disk.store("calls"))
    assert len(states) > len(calls) / 2
    assert_rerun_recovers(disk, states, disk.whole)


def test_power_loss_after_any_call_of_an_update_leaves_only_whole_files(
    disk: FaultyDisk,
) -> None:
    changed = without_second_line(disk)
    assert changed.run("fresh", None).exit_code == DONE
    new = files_of(changed.store("fresh"))
    disk.calls()  # makes the old store
    disk.log_path("calls").unlink()
    run = changed.run("calls", None, log=True)
    assert run.exit_code == DONE, run.stderr
    log = read_log(changed.log_path("calls"))
    states = replay(changed, disk.whole, new, log, disk.store("calls"))
    assert len(states) > 100
    assert_rerun_recovers(changed, states, new)


def make_image(path: Path) -> Path:
    """An empty ext4 file system of 16 MiB."""
    with path.open("wb") as image:
        image.truncate(16 << 20)
    program = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("mkfs.ext4 is not installed")
    subprocess.run([program, "-q", str(path)], check=True)
    return path


@pytest.fixture
def ext4_disk(disk: FaultyDisk) -> FaultyDisk:
    """For tests that mount file systems of their own in its folder."""
    image = make_image(disk.folder / "tried.ext4")
    require_mounts(disk.folder / "tried", *LOOP, image)
    return disk


def lose_power(
    disk: FaultyDisk, name: str, fault: Fault | None
) -> tuple[int, Path]:
    """Runs on a file system of its own: exit code, and a copy of the disk."""
    image = make_image(disk.folder / f"{name}.ext4")
    copy = image.with_suffix(".copy")
    with mounted(disk.folder / f"{name}.mount", *LOOP, image) as root:
        env = shim_env(disk.shim_folder, root, fault)
        run = disk.job.extract(root / "store", *disk.flags, env=env)
        subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    image.unlink()
    return run.exit_code, copy


def test_power_loss_on_ext4_leaves_only_whole_files(
    ext4_disk: FaultyDisk,
) -> None:
    def trial(fault: Fault) -> None:
        name = f"{fault.kind}{fault.at}"
        exit_code, copy = lose_power(ext4_disk, name, fault)
        assert exit_code == KILLED
        with mounted(ext4_disk.folder / f"{name}.after", *LOOP, copy) as root:
            assert_only_whole_files(root / "store", ext4_disk.whole)
            rerun = ext4_disk.job.extract(root / "store", *ext4_disk.flags)
            assert rerun.exit_code == DONE, rerun.stderr
            assert files_of(root / "store") == ext4_disk.whole
        copy.unlink()

    kinds = Counter(call.kind for call in ext4_disk.calls())
    num_writes = kinds.pop("pwrite")
    faults = [
        Fault("kill", number, kind)
        for kind, count in kinds.items()
        for number in range(1, count + 1)
    ]
    writes = all_or_some(range(1, num_writes - 10), 40)
    in_parallel(trial, [*faults, *(Fault("kill", n, "pwrite") for n in writes)])


def test_finished_store_survives_power_loss_on_ext4(
    ext4_disk: FaultyDisk,
) -> None:
    exit_code, copy = lose_power(ext4_disk, "finished", None)
    assert exit_code == DONE
    with mounted(ext4_disk.folder / "after", *LOOP, copy) as root:
        assert files_of(root / "store") == ext4_disk.whole
