"""What verify says of a store, and what it mends."""

import fcntl
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from store_job import Job, cut_off, flip_byte, is_shard, pick_shard, seal
from support import files_of, run_melmill


@pytest.fixture
def job(store_job: Job) -> Job:
    """A copy of the finished job that a test may change."""
    return store_job


# verify


def verify(store: Path) -> tuple[int, list[str]]:
    """Exit code, and what was damaged."""
    run = run_melmill("verify", store)
    assert ("with --verify-resume" in run.stderr) == (run.exit_code == 1)
    lines = run.stdout.splitlines()
    damaged = [line for line in lines if line.startswith("damaged: ")]
    assert len(damaged) == len(lines) - 1
    return run.exit_code, damaged


def test_verify_of_a_whole_store_passes(job: Job) -> None:
    assert verify(job.store) == (0, [])
    run = run_melmill("verify", job.store)
    num_files = len(job.shards()) + 6
    assert run.stdout.startswith(f"{num_files} files, 27 rows, ")
    assert "every checksum is right" in run.stdout


def test_verify_names_the_row_of_a_damaged_feature(job: Job) -> None:
    # The store's own columns say which line has which bytes.
    index = json.loads((job.store / "store.json").read_text())
    with h5py.File(job.store / "train.rows.h5") as table:
        row = 9
        line = int(table["line"][row])
        start = int(table["start"][row])
        entry = index["shards"][int(table["shard"][row])]
    with h5py.File(job.store / entry["file"]) as file:
        features = file["features"]
        offset = features.id.get_offset() + start * 128 * 2 + 300
        assert features.shape[0] > start + 1
    flip_byte(job.store / entry["file"], offset)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    audio = job.rows()[line - 1]["audio"]
    [text] = damaged
    assert entry["file"] in text
    assert f"(train line {line}: {audio})" in text


@pytest.mark.parametrize(
    "column",
    [
        "start",
        "num_frames",
        "num_samples",
        "body_max",
        "floor",
        "peak",
        "status",
        "checksum",
        "file_checksum",
        "source_checksum",
        "tail_samples",
    ],
)
def test_verify_finds_a_flip_in_a_shard_column(job: Job, column: str) -> None:
    shard = pick_shard(job)
    with h5py.File(shard) as file:
        offset = file[column].id.get_offset()
    flip_byte(shard, offset)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [shard.name in text for text in damaged] == [True]


@pytest.mark.parametrize(
    "name",
    [
        "train.rows.h5",
        "eval.rows.h5",
        "train.accepted.jsonl",
        "eval.accepted.jsonl",
        "rejects.jsonl",
        "plan.h5",
    ],
)
@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["start", "middle", "end"])
def test_verify_finds_a_flip_in_every_other_file(
    job: Job, name: str, place: float
) -> None:
    path = job.store / name
    flip_byte(path, round(place * (path.stat().st_size - 1)))
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [f"damaged: {name}: " in text for text in damaged] == [True]


@pytest.mark.parametrize(
    "damage", [Path.unlink, cut_off], ids=["missing", "truncated"]
)
@pytest.mark.parametrize("name", ["shard", "train.rows.h5", "rejects.jsonl"])
def test_verify_names_a_lost_file(
    job: Job, damage: Callable[[Path], None], name: str
) -> None:
    path = pick_shard(job) if name == "shard" else job.store / name
    damage(path)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [f"damaged: {path.name}: " in text for text in damaged] == [True]


def test_verify_names_two_swapped_shards(job: Job) -> None:
    one, other = pick_shard(job, 2), pick_shard(job, 3)
    one.rename(job.store / "swap")
    other.rename(one)
    (job.store / "swap").rename(other)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert len(damaged) == 2
    assert all(
        any(f"damaged: {name}: " in text for text in damaged)
        for name in (one.name, other.name)
    )


def test_verify_finds_a_contract_that_is_not_that_of_the_shards(
    job: Job,
) -> None:
    index = job.store / "store.json"
    text = index.read_text()
    assert text.count('"sample_rate_hz": 16000') == 1
    index.write_text(
        text.replace('"sample_rate_hz": 16000', '"sample_rate_hz": 16001')
    )
    seal(index)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert len(damaged) == len(job.shards())


@pytest.mark.parametrize("text", ["", "{}", '{"format": {"name": "x"}}', "\0"])
@pytest.mark.parametrize("flag", [[], ["--repair"], ["--against-audio", "3"]])
def test_index_that_cannot_be_read_is_damage(
    job: Job, text: str, flag: list[str]
) -> None:
    (job.store / "store.json").write_text(text)
    run = run_melmill("verify", job.store, *flag)
    assert run.exit_code == 1
    assert run.stdout.startswith("damaged: store.json: ")
    assert "with --verify-resume" in run.text
    run = run_melmill("info", job.store)
    assert run.exit_code == 2
    assert "store.json" in run.text


def test_index_of_another_format_is_refused(job: Job) -> None:
    index = job.store / "store.json"
    index.write_text(index.read_text().replace('"major": 1', '"major": 3'))
    seal(index)
    run = run_melmill("verify", job.store)
    assert run.exit_code == 2
    assert "store format 3; this program reads formats 1 and 2" in run.text


def test_every_flip_in_the_index_is_damage(job: Job) -> None:
    index = job.store / "store.json"
    whole = index.read_bytes()
    for offset in range(0, len(whole), len(whole) // 40):
        flip_byte(index, offset)
        exit_code, [damage] = run_of_damaged_index(job)
        assert exit_code == 1
        assert damage.startswith("damaged: store.json: ")
        index.write_bytes(whole)


def run_of_damaged_index(job: Job) -> tuple[int, list[str]]:
    run = run_melmill("verify", job.store)
    return run.exit_code, run.stdout.splitlines()


def make_unfinished(job: Job) -> None:
    (job.store / "store.json").unlink()
    pick_shard(job).unlink()


def test_verify_of_an_unfinished_store_exits_with_2(job: Job) -> None:
    make_unfinished(job)
    run = run_melmill("verify", job.store)
    assert run.exit_code == 2
    assert "not a complete store" in run.text
    assert "melmill info" in run.text


# Repair and comparison with the audio, beyond tests/faults.


def audio_flags(flag: str) -> list[str]:
    return ["--against-audio", "99"] if flag == "--against-audio" else [flag]


USES_OF_AUDIO = ["--repair", "--against-audio"]


@pytest.mark.parametrize("flag", USES_OF_AUDIO)
def test_audio_is_found_from_the_working_directory_or_the_root(
    job: Job, tmp_path: Path, flag: str
) -> None:
    whole = files_of(job.store)
    for cwd, root in ((job.folder, []), (tmp_path, ["--audio-root", "job"])):
        flip_byte(pick_shard(job), 60)
        if flag == "--against-audio":
            pick_shard(job).write_bytes(whole[pick_shard(job).name])
        run = run_melmill(
            "verify", job.store, *audio_flags(flag), *root, cwd=cwd
        )
        assert run.exit_code == 0, run.stdout + run.stderr
        assert files_of(job.store) == whole


@pytest.mark.parametrize("dtype", ["f32", "bf16", "u8"])
def test_stores_of_other_types_are_checked_and_repaired(
    job: Job, dtype: str
) -> None:
    shutil.rmtree(job.store)
    assert job.extract("--dtype", dtype).exit_code == 0
    whole = files_of(job.store)
    assert verify(job.store) == (0, [])
    info = run_melmill("info", job.store, "--settings").stdout
    assert f'"feature_type":"{dtype}"' in info
    for flag in USES_OF_AUDIO:
        run = run_melmill(
            "verify", job.store, *audio_flags(flag), cwd=job.folder
        )
        assert run.exit_code == 0, run.stdout + run.stderr
    flip_byte(pick_shard(job), 4096 + 300)
    assert verify(job.store)[0] == 1
    run = run_melmill("verify", job.store, "--repair", cwd=job.folder)
    assert run.exit_code == 0, run.stdout + run.stderr
    assert files_of(job.store) == whole


def test_repair_far_from_the_audio_says_where_it_looked(
    job: Job, tmp_path: Path
) -> None:
    shard = pick_shard(job)
    flip_byte(shard, 60)
    damaged = files_of(job.store)
    run = run_melmill("verify", job.store, "--repair", cwd=tmp_path)
    assert run.exit_code == 1
    assert f"not repaired: {shard.name}: none of its audio" in run.stdout
    assert "--audio-root DIR changes that" in run.stdout
    where = f"the store was made in the working directory {made_in(job)})"
    assert where in run.stdout
    assert files_of(job.store) == damaged


def made_in(job: Job) -> str:
    """The working directory that the store's private record has."""
    run = run_melmill("info", job.store, "--json")
    folder: str = json.loads(run.stdout)["working_folder"]
    return folder


def test_comparison_without_audio_says_so_and_how(
    job: Job, tmp_path: Path
) -> None:
    flags = ("verify", job.store, "--against-audio", "2")
    run = run_melmill(*flags, cwd=tmp_path)
    assert (run.exit_code, run.stdout) == (2, "")
    assert re.fullmatch(
        r"error: nothing was compared: no audio file was found; the first, "
        r"(clip\d\d\.wav), was looked for as \1 \(relative paths start from "
        r"the working directory; --audio-root DIR changes that; the store was "
        rf"made in the working directory {made_in(job)}\)\n",
        run.stderr,
    )
    run = run_melmill(*flags, "--audio-root", job.folder, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    (job.store / ".local").unlink()
    run = run_melmill(*flags, "--audio-root", "gone", cwd=tmp_path)
    assert run.exit_code == 2
    assert re.search(r"was looked for as gone/clip\d\d\.wav", run.stderr)
    assert "the store was made" not in run.stderr


def test_the_hint_has_the_audio_root_of_the_store(
    job: Job, tmp_path: Path
) -> None:
    shutil.rmtree(job.store)
    assert job.extract("--audio-root", "../job").exit_code == 0
    for flags in (["--against-audio", "2"], ["--repair"]):
        # The rows are drawn at random: damage is for the repair alone.
        if flags == ["--repair"]:
            flip_byte(pick_shard(job), 60)
        run = run_melmill("verify", job.store, *flags, cwd=tmp_path)
        where = f"the store was made with --audio-root {job.folder})"
        assert where in run.stdout + run.stderr


def test_comparison_of_some_files_that_are_gone_names_them(job: Job) -> None:
    job.clip(9).unlink()
    run = run_melmill(
        "verify", job.store, "--against-audio", "27", cwd=job.folder
    )
    assert run.exit_code == 1
    assert "could not be read: No such file or directory (train" in run.stdout
    assert run.stdout.endswith(
        "27 of 27 rows computed again from their audio: 1 differ\n"
    )


def test_damage_that_needs_the_command_shows_it(job: Job) -> None:
    (job.store / "train.accepted.jsonl").unlink()
    run = run_melmill("verify", job.store)
    assert run.exit_code == 1
    assert run.stderr.endswith(
        "run the melmill extract command of this store with --verify-resume:\n"
        "  melmill extract train.jsonl eval.jsonl --max-rejects 100% "
        f"--shard-size 32KiB --out {job.store} --verify-resume\n"
        f"  in {made_in(job)}\n"
    )


def test_comparison_of_an_unchanged_store_finds_nothing(job: Job) -> None:
    for wanted, compared in (("5", 5), ("27", 27), ("1000000000000", 27)):
        run = run_melmill(
            "verify", job.store, "--against-audio", wanted, cwd=job.folder
        )
        assert (run.exit_code, run.stderr) == (0, "")
        assert run.stdout == (
            f"{compared} of 27 rows computed again from their audio: every "
            "byte is the same\n"
        )


def test_comparison_names_the_row_whose_audio_changed(job: Job) -> None:
    flip_byte(job.clip(9), 3000)
    run = run_melmill(
        "verify", job.store, "--against-audio", "27", cwd=job.folder
    )
    assert run.exit_code == 1
    [line] = [x for x in run.stdout.splitlines() if x.startswith("differs: ")]
    assert "the samples in the file have changed" in line
    assert "(train line 10: clip09.wav)" in line


@pytest.mark.parametrize("flag", USES_OF_AUDIO)
@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ('"hop_length": 160', '"hop_length": 161', "hop_length: 161 -> 160"),
        ('"log_mel": "', '"log_mel": "x', 'log_mel: "x'),
    ],
    ids=["contract", "producer"],
)
def test_bytes_that_this_program_does_not_make_are_refused(
    job: Job, flag: str, old: str, new: str, difference: str
) -> None:
    index = job.store / "store.json"
    text = index.read_text()
    assert text.count(old) == 1
    index.write_text(text.replace(old, new))
    seal(index)
    before = files_of(job.store)
    run = run_melmill("verify", job.store, *audio_flags(flag), cwd=job.folder)
    assert run.exit_code == 2
    assert f"\n  {difference}" in run.text
    assert "extract command" in run.text
    assert files_of(job.store) == before


def test_store_made_by_another_code_path_is_repaired_by_that(
    job: Job,
) -> None:
    assert job.extract("--simd", "none", out="slow").exit_code == 0
    store = job.folder / "slow"
    whole = files_of(store)
    slow_shard = sorted(name for name in whole if is_shard(name))[0]
    flip_byte(store / slow_shard, 5000)
    run = run_melmill("verify", store, "--repair", cwd=job.folder)
    assert run.exit_code == 0, run.stdout
    assert files_of(store) == whole


@pytest.mark.parametrize("flag", USES_OF_AUDIO)
def test_store_without_its_plan_cannot_be_computed_again(
    job: Job, flag: str
) -> None:
    flip_byte(pick_shard(job), 60)
    (job.store / "plan.h5").unlink()
    run = run_melmill("verify", job.store, *audio_flags(flag), cwd=job.folder)
    assert run.exit_code == (1 if flag == "--repair" else 2)
    assert "plan.h5" in run.stdout + run.text


def test_store_in_use_is_not_repaired(job: Job) -> None:
    with (job.store / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = run_melmill("verify", job.store, "--repair", cwd=job.folder)
    assert run.exit_code == 2
    assert "is in use by another melmill" in run.text


@pytest.mark.parametrize(
    "flags",
    [
        ["--repair", "--against-audio", "3"],
        ["--audio-root", "."],
        ["--against-audio", "0"],
        ["--against-audio", "-1"],
        ["--against-audio", "all"],
    ],
)
def test_flags_of_verify_that_make_no_sense_are_refused(
    job: Job, flags: list[str]
) -> None:
    run = run_melmill("verify", job.store, *flags, cwd=job.folder)
    assert run.exit_code == 2
    assert flags[0] in run.text
    assert run.stdout == ""


@pytest.mark.parametrize("command", ["info", "verify"])
@pytest.mark.parametrize("name", ["clip00.wav", "gone", "."])
def test_what_is_no_store_exits_with_2(
    job: Job, command: str, name: str
) -> None:
    run = run_melmill(command, job.folder / name)
    assert run.exit_code == 2
    assert "not a" in run.text
    assert "no store.json" in run.text or name == "gone"
    assert run.stdout == ""
