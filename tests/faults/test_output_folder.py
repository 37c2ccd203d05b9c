"""The folder of the store: in use, elsewhere, hostile, moved, out of time."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_job import FaultJob, assert_only_whole_files
from read_shim import ReadFault
from support import (
    ANY_REJECTS,
    Run,
    files_of,
    last_line,
    melmill_path,
    noise,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)
from write_shim import unmount


@pytest.fixture
def own_job(job: FaultJob, tmp_path: Path) -> FaultJob:
    """A copy of the job that a test may change."""
    return job.copy(tmp_path / "job")


def mount(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["mount", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr}")


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", folder)
    yield folder
    unmount(folder)


# Where the folder is.


@pytest.mark.parametrize("out", ["new", "store"])
def test_read_only_file_system_is_refused(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path, out: str
) -> None:
    folder = tmp_path / "read_only"
    (folder / "store").mkdir(parents=True)
    for name, content in whole.items():
        (folder / "store" / name).write_bytes(content)
    (folder / "store/store.json").unlink()
    before = snapshot(folder)
    mount("--bind", folder, folder)
    try:
        mount("-o", "remount,bind,ro", folder)
        run = job.extract(folder / out)
    finally:
        unmount(folder)
    assert run.exit_code == 2
    assert "Read-only file system" in last_line(run.stderr)
    assert snapshot(folder) == before


def test_store_on_another_file_system_has_the_same_bytes(
    job: FaultJob, whole: dict[str, bytes], other_disk: Path
) -> None:
    assert job.extract(other_disk / "store").exit_code == 0
    assert files_of(other_disk / "store") == whole


def test_symbolic_link_to_a_folder_is_that_folder(
    job: FaultJob, whole: dict[str, bytes], other_disk: Path, tmp_path: Path
) -> None:
    (other_disk / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(other_disk / "there")
    assert job.extract(link).exit_code == 0
    assert link.is_symlink()
    assert files_of(other_disk / "there") == whole
    assert "nothing to do" in job.extract(f"{link}/").text


def test_symbolic_link_to_nothing_is_refused(
    job: FaultJob, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    run = job.extract(tmp_path / "link")
    assert run.exit_code == 2
    assert "cannot make" in last_line(run.stderr)
    assert os.listdir(tmp_path) == ["link"]


def test_moved_store_goes_on_and_is_known(
    own_job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    store = own_job.folder / "store"
    assert own_job.extract(store).exit_code == 0
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    store.rename(moved)
    run = own_job.extract(moved)
    assert run.exit_code == 0
    assert "nothing to do: the store is complete" in run.text
    # And one that is not finished: its first shard is lost as well.
    (moved / "store.json").unlink()
    first = json.loads(whole["store.json"])["shards"][0]["file"]
    (moved / first).unlink()
    again = tmp_path / "again"
    moved.rename(again)
    run = own_job.extract(again, "--json")
    assert run.exit_code == 0
    report = json.loads(run.stdout)
    assert report["shards_made"] == 1
    assert report["shards_kept"] >= 3
    assert files_of(again) == whole


# What changed since the plan.


def lose(store: Path, whole: dict[str, bytes]) -> None:
    """Leaves a store as if its run had died before its last shard."""
    (store / "store.json").unlink()
    last = json.loads(whole["store.json"])["shards"][-1]["file"]
    (store / last).unlink()


@pytest.fixture
def complete(own_job: FaultJob) -> Path:
    """A complete store of own_job."""
    store = own_job.folder / "store"
    assert own_job.extract(store).exit_code == 0
    return store


@pytest.mark.parametrize("state", ["complete", "unfinished"])
@pytest.mark.parametrize("update", [[], ["--update"]], ids=["plain", "update"])
@pytest.mark.parametrize(
    ("flags", "differences"),
    [
        (
            ["--simd", "none"],
            [
                r'log_mel: "simd 1.*" -> "fftw-.*"',
                r'resampler: "spectral 1.*, libsoxr-.*" -> "libsoxr-.*"',
            ],
        ),
        (
            ["--resampler", "soxr"],
            [r'resampler: "spectral 1.*, libsoxr-.*" -> "libsoxr-.*"'],
        ),
        (["--dtype", "f32"], ['feature_type: "f16" -> "f32"']),
        (
            ["--dtype", "f32", "--preset", "whisper"],
            ['feature_type: "f16" -> "f32"', "n_mels: 128 -> 80"],
        ),
    ],
    ids=["producer_twice", "producer", "contract", "contract_twice"],
)
def test_another_contract_or_producer_is_refused_field_by_field(
    own_job: FaultJob,
    whole: dict[str, bytes],
    complete: Path,
    flags: list[str],
    differences: list[str],
    update: list[str],
    state: str,
) -> None:
    if state == "unfinished":
        lose(complete, whole)
    before = snapshot(complete)
    run = own_job.extract(complete, *flags, *update)
    assert run.exit_code == 2
    listed = [line.strip() for line in run.stderr.split("\n") if "->" in line]
    assert len(listed) == len(differences)
    for line, difference in zip(sorted(listed), differences, strict=True):
        assert re.fullmatch(difference, line)
    assert snapshot(complete) == before


def drop_a_line(job: FaultJob) -> None:
    manifest = job.folder / "train.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(True)[1:]))


def change_a_text(job: FaultJob) -> None:
    manifest = job.folder / "train.jsonl"
    manifest.write_text(manifest.read_text().replace(">0", ">another"))


def change_a_file(job: FaultJob) -> None:
    write_wav(job.folder / "clip00.wav", noise(9000, seed=5))


def lose_a_file(job: FaultJob) -> None:
    (job.folder / "clip00.wav").unlink()


@pytest.mark.parametrize("state", ["complete", "unfinished"])
@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (drop_a_line, "0 lines added, 1 removed, 0 changed"),
        (change_a_text, "0 lines added, 0 removed, 1 changed"),
        (change_a_file, "0 lines added, 0 removed, 1 changed"),
        (lose_a_file, "0 lines added, 0 removed, 1 changed"),
    ],
    ids=["line", "text", "file", "file_gone"],
)
def test_changed_input_is_shown_and_followed_with_update(
    own_job: FaultJob,
    whole: dict[str, bytes],
    complete: Path,
    change: Callable[[FaultJob], None],
    shown: str,
    state: str,
) -> None:
    if state == "unfinished":
        lose(complete, whole)
    change(own_job)
    before = snapshot(complete)
    run = own_job.extract(complete)
    assert run.exit_code == 2
    assert shown in run.text
    assert "--update applies the changes" in last_line(run.stderr)
    assert snapshot(complete) == before
    assert own_job.extract(complete, "--update").exit_code == 0
    assert own_job.extract(own_job.folder / "fresh").exit_code == 0
    assert files_of(complete) == files_of(own_job.folder / "fresh")


YEAR_S = 366 * 24 * 3600


@pytest.mark.parametrize("shift_s", [-54 * YEAR_S, -3600, 100 * YEAR_S])
def test_clock_has_no_influence(
    own_job: FaultJob,
    whole: dict[str, bytes],
    complete: Path,
    shim_folder: Path,
    shift_s: int,
) -> None:
    lose(complete, whole)
    env = {
        "LD_PRELOAD": str(shim_folder / "clock_shift.so"),
        "CLOCK_SHIFT_S": str(shift_s),
    }
    shown = subprocess.run(
        ["date", "+%s"],
        env={**os.environ, **env},
        capture_output=True,
        check=True,
    )
    assert abs(int(shown.stdout) - time.time() - shift_s) < 60
    for path in own_job.folder.rglob("*"):
        os.utime(path, (time.time() + shift_s, time.time() + shift_s))
    run = own_job.extract(complete, env=env)
    assert run.exit_code == 0, run.stderr
    assert "1 made" in run.text
    assert files_of(complete) == whole
    fresh = own_job.folder / "fresh"
    assert own_job.extract(fresh, env=env).exit_code == 0
    assert files_of(fresh) == whole
    assert "nothing to do" in own_job.extract(fresh).text


# In use.


def wait_for(
    condition: Callable[[], bool], process: subprocess.Popen[str]
) -> None:
    """Waits for `condition()`, which the process must bring about."""
    give_up = time.monotonic() + 60
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < give_up


@pytest.fixture
def live_run(
    job: FaultJob, shim_folder: Path, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run that was stopped after its plan, with its folder locked; both."""
    store = tmp_path / "store"
    slow = ReadFault("slow", first=1, count=0)
    with subprocess.Popen(
        [melmill_path(), *job.arguments(store, "--io-threads", "1")],
        cwd=job.folder,
        env={**os.environ, **slow.env(shim_folder, tmp_path / "log")},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for((store / "plan.h5").exists, process)
        process.send_signal(signal.SIGSTOP)
        yield process, store
        process.kill()


def test_second_run_is_refused_and_does_not_disturb_the_first(
    job: FaultJob,
    whole: dict[str, bytes],
    live_run: tuple[subprocess.Popen[str], Path],
) -> None:
    process, store = live_run
    for flags in ([], ["--update"]):
        run = job.extract(store, *flags)
        assert run.exit_code == 2
        assert "is in use by another melmill" in last_line(run.stderr)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert files_of(store) == whole


def test_lock_of_a_killed_run_does_not_block(
    job: FaultJob,
    whole: dict[str, bytes],
    live_run: tuple[subprocess.Popen[str], Path],
) -> None:
    process, store = live_run
    process.kill()
    process.communicate()
    assert (store / ".lock").exists()
    assert not (store / "store.json").exists()
    assert_only_whole_files(store, whole)
    assert job.extract(store).exit_code == 0
    assert files_of(store) == whole


# What lies in it.


def names_of_a_run(whole: dict[str, bytes]) -> list[str]:
    """Every name that a run creates in the folder, or another one did."""
    temporary = ".0123456789abcdef.tmp"
    return [
        ".lock",
        ".suspects",
        ".local",
        f".local{temporary}",
        *(f"{name}{end}" for name in whole for end in ("", temporary)),
    ]


def make_outside(folder: Path) -> Path:
    """A folder with a file that no run may touch."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "there").write_text("years of work")
    return outside


@pytest.mark.parametrize("target", ["there", "missing"])
def test_planted_links_do_not_lead_outside(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path, target: str
) -> None:
    outside = make_outside(tmp_path)
    before = snapshot(outside)
    for name in names_of_a_run(whole):
        store = tmp_path / "store"
        store.mkdir()
        (store / name).symlink_to(outside / target)
        run = job.extract(store)
        assert snapshot(outside) == before, name
        assert (outside / "there").read_text() == "years of work"
        if run.exit_code == 0:
            assert files_of(store) == whole, name
            assert not any(path.is_symlink() for path in store.iterdir())
        else:
            assert run.exit_code == 2, (name, run.stderr)
            assert last_line(run.stderr).startswith("error: ")
            assert os.listdir(store) == [name]
        shutil.rmtree(store)


@pytest.mark.parametrize("target", ["there", "missing"])
def test_links_planted_between_two_runs_do_not_lead_outside(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path, target: str
) -> None:
    outside = make_outside(tmp_path)
    before = snapshot(outside)
    store = tmp_path / "store"
    store.mkdir()
    (store / "plan.h5").write_bytes(whole["plan.h5"])
    for name in names_of_a_run(whole):
        if name not in (".lock", ".suspects", "plan.h5", "store.json"):
            (store / name).symlink_to(outside / target)
    run = job.extract(store)
    assert run.exit_code == 0, run.stderr
    assert snapshot(outside) == before
    assert files_of(store) == whole
    assert not any(path.is_symlink() for path in store.iterdir())


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
def test_files_have_the_users_umask(
    job: FaultJob, tmp_path: Path, umask: int
) -> None:
    store = tmp_path / "store"
    under = ["sh", "-c", f'umask {umask:o}; exec "$@"', "sh"]
    assert job.extract(store, under=under).exit_code == 0
    assert stat.S_IMODE(store.stat().st_mode) == 0o777 & ~umask
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in store.iterdir()
    }
    assert modes == dict.fromkeys(modes, 0o666 & ~umask)
    assert ".lock" in modes


def test_nothing_outside_the_folder_changes(
    own_job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    for name in ("tmp", "home", "work"):
        (tmp_path / name).mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}
    before = snapshot(tmp_path)
    run = own_job.extract(tmp_path / "work" / "store", env=env)
    assert run.exit_code == 0
    after = snapshot(tmp_path)
    inside = {name for name in after if name.startswith("work/store")}
    assert {name: after[name] for name in after.keys() - inside} == before
    assert {name.removeprefix("work/store/") for name in inside} == {
        "work/store",
        ".lock",
        *whole,
    }


def changed_paths(trace: str) -> Iterator[str]:
    """The paths a traced process opened for writing, made or removed."""
    for line in trace.splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)", line)
        if call is None or " = -1 " in line:
            continue
        name, arguments = call.groups()
        if name.startswith("open") and not re.search(
            r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", arguments
        ):
            continue
        yield from re.findall(r'"([^"]*)"', arguments)


def test_nothing_outside_the_folder_is_opened_for_writing(
    job: FaultJob, tmp_path: Path
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    store = tmp_path / "store"
    store.mkdir()
    calls = "open,openat,creat,mkdir,unlink,unlinkat,rename,renameat,renameat2"
    calls += ",truncate,link,linkat,symlink,symlinkat,mknod,chmod,rmdir"
    trace = tmp_path / "trace"
    run = job.extract(
        store,
        under=[strace, "-f", "-qq", "-e", f"trace={calls}", "-o", str(trace)],
    )
    assert run.exit_code == 0
    paths = set(changed_paths(trace.read_text()))
    assert str(store / ".lock") in paths
    assert [p for p in paths if not p.startswith(str(store))] == []


# Names are bytes.

ODD = b"a\xff\xfe\n\x1b[2J\x9b\xc2\x9b\"'\\ b"


def assert_printable(text: str) -> None:
    for line in text.splitlines():
        assert line.isprintable(), ascii(line)
    text.encode()  # fails for bytes that are no UTF-8


def test_names_may_be_any_bytes_and_output_stays_printable(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(ODD)
    own = job.copy(folder)
    (folder / "train.jsonl").rename(folder / (os.fsdecode(ODD) + ".jsonl"))
    manifests = [
        f"train={folder / (os.fsdecode(ODD) + '.jsonl')}",
        f"eval={folder / 'eval.jsonl'}",
    ]
    store = folder / "store"
    flags = [*manifests, "--audio-root", str(folder), "--out", str(store)]
    flags += ["--shard-size", "48KiB", *ANY_REJECTS]
    runs: list[Run] = [
        run_melmill("extract", *flags),
        run_melmill("extract", *flags),
        run_melmill("extract", *flags, "--json"),
        run_melmill("info", store),
        run_melmill("verify", store),
        run_melmill("validate", *flags[:4], *ANY_REJECTS),
    ]
    assert [run.exit_code for run in runs] == [0, 0, 0, 0, 0, 0]
    assert files_of(store) == whole
    (own.folder / "clip00.wav").unlink()
    runs.append(run_melmill("extract", *flags))
    runs.append(run_melmill("extract", *flags, "--update"))
    assert [run.exit_code for run in runs[-2:]] == [2, 0]
    # JSON is for programs: a string may hold U+009B.
    report = json.loads(runs.pop(2).stdout)
    assert report["accepted"][0].startswith(
        f"{tmp_path}/a\ufffd\ufffd\n\x1b[2J"
    )
    for run in runs:
        assert_printable(run.stdout)
        assert_printable(run.stderr)
    # The paths stand on the lines where they belong.
    train_on, rejected = runs[0].stdout.splitlines()[-2:]
    assert train_on.startswith("train on /")
    assert train_on.count("a\\xff\\xfe\\x0a\\x1b[2J") == 2
    assert "a\\xff\\xfe\\x0a\\x1b[2J" in rejected
    assert rejected.endswith("/store/rejects.jsonl has the reasons")
    assert runs[2].stdout.split("\n")[0].endswith(" kB in 7 shards")


def test_refusals_stay_printable_whatever_the_names(
    job: FaultJob, tmp_path: Path
) -> None:
    odd = os.fsdecode(ODD)
    write_manifest(tmp_path / "train.jsonl", [{"audio": "a\x1b\n\x9b.wav"}])
    (tmp_path / odd).write_text("")
    runs = [
        run_melmill("extract", tmp_path / odd / "a.jsonl", "--out", "x"),
        run_melmill("extract", f"{odd}.txt", "--out", tmp_path / "x"),
        run_melmill("extract", f"{odd}.jsonl", "--out", tmp_path / "x"),
        run_melmill(
            "extract",
            tmp_path / "train.jsonl",
            "--no-text",
            "--audio-root",
            odd,
            "--out",
            tmp_path / "x",
        ),
        job.extract(tmp_path / odd),
        job.extract(tmp_path / odd / "store"),
        job.extract(tmp_path / "gone" / odd / "store"),
        run_melmill("info", tmp_path / odd),
        run_melmill("verify", tmp_path / odd),
    ]
    assert [run.exit_code for run in runs] == [2] * len(runs)
    for run in runs:
        assert run.stdout == ""
        assert_printable(run.stderr)
