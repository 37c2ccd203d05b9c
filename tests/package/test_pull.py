"""The command melmill pull: what is in the folder after it."""

import itertools
import json
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import numpy.typing as npt
import pytest
from melmill._contents.store_files import StoreFiles
from melmill._store.shard import WITHOUT_FEATURES
from melmill._transfer.downloads import Downloads
from melmill._transfer.folder_lock import locked_folder
from melmill._transfer.local_file import LocalFile
from melmill._transfer.pull import Part, Pull
from melmill._transfer.pull_command import main as pull_main
from melmill._transfer.push_command import main as push_main
from scipy.optimize import linprog
from store_job import SHARD_SIZE, Job, cut_off, flip_byte, seal
from support import ANY_REJECTS, files_of, run_melmill
from transfer_stores import (
    Place,
    copied_store,
    is_shard,
    make_unfinished,
    shards_of,
)

pytest_plugins = ["stage_fixtures", "transfer_fixtures"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A finished store of two splits that a test may change."""
    return copied_store("qwen3_asr_f16", tmp_path / "store")


def push(*arguments: object) -> int:
    return push_main([str(argument) for argument in arguments])


def pull(*arguments: object) -> int:
    return pull_main([str(argument) for argument in arguments])


@pytest.fixture
def pushed(store: Path, place: Place) -> Place:
    """A finished store in object storage."""
    assert push(store, place.url, "--quiet") == 0
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where to pull to."""
    return tmp_path / "pulled"


# A finished store.


def test_the_result_says_what_was_copied(
    pushed: Place, store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert pull(pushed.url, folder) == 0
    text = capsys.readouterr()
    start = f"pulled {pushed.url} to {folder}: "
    assert text.out.startswith(f"{start}11 files copied (")
    assert text.out.endswith(" kB), 0 kept\n")
    assert text.err == ""
    assert files_of(folder) == files_of(store)
    assert pull(pushed.url, folder) == 0
    again = capsys.readouterr().out
    assert again.startswith(f"{start}0 files copied (")
    assert again.endswith("), 11 kept\n")
    assert len(melmill.open(folder)["train"]) > 0


def test_only_what_is_missing_is_pulled(
    pushed: Place, store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pull(pushed.url, folder) == 0
    for name in ("store.json", "train.rows.h5", shards_of(folder)[0]):
        (folder / name).unlink()
    rest = folder / "plan.h5.0123456789abcdef.tmp"
    rest.write_bytes(b"x")
    (folder / "mine.txt").write_text("x")
    capsys.readouterr()
    assert pull(pushed.url, folder) == 0
    assert ": 3 files copied (" in capsys.readouterr().out
    assert files_of(folder) == {**files_of(store), "mine.txt": b"x"}


def test_store_json_is_last(
    pushed: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    finish = LocalFile.finish

    def note(file: LocalFile) -> None:
        finish(file)
        names.append(file.path.name.split(".h5")[0])

    monkeypatch.setattr(LocalFile, "finish", note)
    assert pull(pushed.url, folder) == 0
    assert names[-1].startswith("store.json.")
    assert len(names) == 11


REPLACED: dict[str, Callable[[bytes], bytes]] = {
    "feature": lambda body: body[:5000] + b"\x55" + body[5001:],
    "index": lambda body: body[:-9] + b"\x55" + body[-8:],
    "header": lambda body: body[:700] + b"\x55" + body[701:],
    "short": lambda body: body[:-1],
}


@pytest.mark.parametrize("what", [*REPLACED, "missing"])
def test_a_damaged_shard_gets_no_name(
    what: str,
    pushed: Place,
    store: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = files_of(store)
    shard = shards_of(store)[1]
    if what == "missing":
        pushed.remove(shard)
    else:
        pushed.put(shard, REPLACED[what](whole[shard]))
    assert pull(pushed.url, folder) == 1
    assert f"{pushed.url}/{shard}: " in capsys.readouterr().err
    del whole[shard]
    found = files_of(folder)
    assert found.items() <= whole.items()
    assert set(filter(is_shard, found)) == set(filter(is_shard, whole))
    pushed.put(shard, (store / shard).read_bytes())
    assert pull(pushed.url, folder) == 0
    assert files_of(folder) == files_of(store)


@pytest.mark.parametrize(
    "name", ["train.rows.h5", "eval.accepted.jsonl", "plan.h5", "store.json"]
)
def test_other_damaged_files_get_no_name(
    name: str,
    pushed: Place,
    store: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = bytearray((store / name).read_bytes())
    body[len(body) // 2] ^= 1
    pushed.put(name, bytes(body))
    assert pull(pushed.url, folder) == 1
    assert f"{pushed.url}/{name}: " in capsys.readouterr().err
    assert {name, "store.json"}.isdisjoint(files_of(folder))


@pytest.mark.parametrize(
    "name",
    ["../x.h5", "/x.h5", ".lock", "store.json", "a\0b.h5", "job.json", 7],
)
def test_names_cannot_lead_out_of_the_folder(
    name: object,
    pushed: Place,
    store: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = store / "store.json"
    original = path.read_text()
    for kind in ("table", "shard"):
        index = json.loads(original)
        if kind == "table":
            index["splits"][0]["table"]["file"] = name
        else:
            index["shards"][0]["file"] = name
        path.write_text(json.dumps(index, indent=2))
        content = json.dumps(index, indent=2).rpartition(",\n")[0] + ",\n"
        path.write_text(content + " " * 35)
        seal(path)
        pushed.put("store.json", path.read_bytes())
        assert pull(pushed.url, folder) == 1
        assert list(folder.iterdir()) == [folder / ".lock"]
        text = capsys.readouterr().err
        expected = "no name of a " if name != 7 else f"{name}"
        assert expected in text


def test_another_store_is_not_replaced(
    pushed: Place, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied_store("spectral_bf16", folder)
    before = files_of(folder)
    assert pull(pushed.url, folder) == 2
    text = capsys.readouterr().err
    assert f"{folder} has another store than {pushed.url}" in text
    assert 'contract.feature_type is "bf16" here, "f16" there' in text
    assert files_of(folder) == before


@pytest.mark.parametrize("damage", [cut_off, lambda path: flip_byte(path, 9)])
@pytest.mark.parametrize("kind", ["shard", "table"])
def test_another_file_is_not_replaced(
    damage: Callable[[Path], None],
    kind: str,
    pushed: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert pull(pushed.url, folder) == 0
    (folder / "store.json").unlink()
    name = "train.rows.h5" if kind == "table" else shards_of(folder)[0]
    damage(folder / name)
    before = files_of(folder)
    assert pull(pushed.url, folder) == 2
    text = capsys.readouterr().err
    assert f"error: {folder / name}" in text
    assert "delete it, or pull to another folder" in text
    assert files_of(folder) == before
    (folder / name).unlink()
    assert pull(pushed.url, folder) == 0


def test_a_store_that_is_not_finished_has_its_time(
    unfinished: Path,
    place: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert push(unfinished, place.url) == 0
    assert pull(place.url, folder) == 4
    text = capsys.readouterr().err
    assert text == f"error: the store at {place.url} is not finished yet\n"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s3://stores/none", "DIR"], "s3://stores/none: there is no store"),
        (["s3://stores/none", "FILE"], "FILE is a file"),
        (["s3://stores/none", "s3://b/x"], "s3://b/x is no folder"),
        (["DIR", "s3://stores/none"], "DIR is no place in object storage"),
        (["s3://stores/none", "DIR", "--part", "3"], "3 is no part"),
        (["s3://stores/none", "DIR", "--part", "3/0"], "3/0 is no part"),
        (["s3://stores/none", "DIR", "--part", "-1/4"], "--part"),
        (
            ["s3://stores/none", "DIR", "--part", "1/2", "--for-finish"],
            "not al",
        ),
        (["s3://stores/none", "DIR", "--delete"], "unrecognized"),
    ],
)
def test_wrong_usage_makes_nothing(
    arguments: list[str],
    message: str,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("FILE").touch()
    try:
        exit_code = pull_main(arguments)
    except SystemExit as end:
        exit_code = int(str(end.code))
    assert exit_code == 2
    assert message in capsys.readouterr().err
    assert os.listdir() == ["FILE"]


def test_a_bucket_that_is_not_there(
    s3: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pull("s3://no-such-bucket/x", folder) == 4
    text = capsys.readouterr().err
    assert text.startswith("error: there is no bucket no-such-bucket\n")
    assert not folder.exists()


def test_a_folder_in_use_is_left_alone(pushed: Place, folder: Path) -> None:
    with locked_folder(folder, is_alone=False, makes=True):
        assert pull(pushed.url, folder) == 4
    assert files_of(folder) == {}


# Disks that are full, and processes that end in the middle.


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """Limits what this process may write, privileges or not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_leaves_whole_files(
    pushed: Place, store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = files_of(store)
    with largest_file(16_000):
        assert pull(pushed.url, folder) == 4
    text = capsys.readouterr().err
    assert ".h5: File too large\nwhat was copied is kept; run the " in text
    found = files_of(folder)
    assert "store.json" not in found
    assert found.items() <= whole.items()
    assert pull(pushed.url, folder) == 0
    assert files_of(folder) == whole


class KilledError(BaseException):
    """Stands for the end of the process: no call is made after it."""


def test_each_call_may_be_the_last(
    place: Place, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that changes the folder ends the process once."""
    store = copied_store("default_f16", tmp_path / "store")
    whole = files_of(store)
    assert push(store, place.url) == 0
    left = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError
            return call(*arguments, **options)

        return count

    def pull_until(number: int, to: Path) -> bool:
        """Whether the pull came to its end."""
        nonlocal left
        left = number
        with monkeypatch.context() as patch:
            for name in ("truncate", "pwrite", "fsync"):
                patch.setattr(os, name, counted(getattr(os, name)))
            for name in ("replace", "unlink"):
                patch.setattr(Path, name, counted(getattr(Path, name)))
            try:
                return pull(place.url, to, "-j", 1) == 0
            except KilledError:
                return False

    for number in itertools.count(1, 3):
        to = folder / str(number)
        is_done = pull_until(number, to)
        found = files_of(to)
        for name, body in found.items():
            assert name.endswith(".tmp") or body == whole[name], (number, name)
        assert "store.json" not in found or found.keys() >= whole.keys()
        assert pull(place.url, to) == 0
        assert files_of(to) == whole, number
        if is_done:
            break
    assert number > 20


# Parts.


def test_a_part_gets_the_plan_and_its_missing_shards(
    unfinished: Path,
    place: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The shards of the plan are train's three, then eval's one."""
    (unfinished / ".suspects.0123456789abcdef").write_bytes(b"suspect")
    whole = files_of(unfinished)
    shards = shards_of(unfinished)
    for name in shards:
        (unfinished / name).unlink()
    assert push(unfinished, place.url) == 0
    capsys.readouterr()
    for part, numbers in (
        ("0/1", "0-3"),
        ("0/2", "0,2"),
        ("3/2", "1,3"),
        ("4/4", "0"),
        ("5/6", ""),
    ):
        assert pull(place.url, folder, "--part", part) == 0
        text = capsys.readouterr()
        assert text.out == f"{numbers}\n"
        assert "of the part missing" in text.err
    assert files_of(folder) == files_of(unfinished)
    (folder / shards[1]).write_bytes(whole[shards[1]])
    assert push(folder, place.url, "--delete") == 0
    capsys.readouterr()
    assert pull(place.url, folder, "--part", "0/1", "--quiet") == 0
    text = capsys.readouterr()
    assert text.out == "0,2-3\n"
    assert text.err == ""


def test_a_shard_that_is_named_twice_has_its_first_number() -> None:
    """As the program counts."""
    names = ("a", "b", "a", "c", "b")
    files = StoreFiles("plan", (), (), names)
    numbers = []
    for part in (Part(0, 1), Part(0, 2), Part(1, 2)):
        pull = Pull(None, Path(), None)  # type: ignore[arg-type]
        pull.downloads.there = {"c": 1}
        pull._find_missing(files, part)
        numbers.append(pull.result.missing)
    assert numbers == [[0, 1], [0], [1]]


def test_a_part_shares_its_folder(
    unfinished: Path, place: Place, folder: Path
) -> None:
    assert push(unfinished, place.url) == 0
    with locked_folder(folder, is_alone=False, makes=True):
        rest = folder / "train.0123456789ab.h5.0123456789abcdef.tmp"
        rest.write_bytes(b"of another part")
        assert pull(place.url, folder, "--part", "0/1") == 0
        assert rest.exists()


def test_a_part_of_a_finished_store_has_nothing_to_do(
    pushed: Place, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert pull(pushed.url, folder, "--part", "0/1") == 0
    text = capsys.readouterr()
    assert text.out == "\n"
    assert "the store is finished" in text.err
    assert files_of(folder) == {}


def test_a_part_of_another_plan_is_refused(
    unfinished: Path, place: Place, folder: Path
) -> None:
    assert push(unfinished, place.url) == 0
    make_unfinished(copied_store("spectral_bf16", folder))
    before = files_of(folder)
    assert pull(place.url, folder, "--part", "0/1") == 2
    assert files_of(folder) == before


# The end.


def run(job: Job, *arguments: object) -> None:
    """Runs the program, which must succeed."""
    done = run_melmill(*map(str, arguments), cwd=job.folder)
    assert done.exit_code == 0, done.stderr


def test_parts_and_end_need_no_common_disk(
    store_job: Job,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each machine has a folder of its own, which no other one sees."""
    job = store_job
    whole = files_of(job.store)
    planned = tmp_path / "planned"
    manifests = ("train.jsonl", "eval.jsonl")
    flags = ("--shard-size", SHARD_SIZE, *ANY_REJECTS, "--out", planned)
    run(job, "plan", *manifests, *flags)
    assert push(planned, place.url) == 0
    made = []
    for number, part in enumerate(("0/3", "1/3", "1/3", "2/3", "3/3")):
        scratch = tmp_path / f"scratch{number}"
        capsys.readouterr()
        assert pull(place.url, scratch, "--part", part) == 0
        shards = capsys.readouterr().out.strip()
        made.append(bool(shards))
        if shards:
            run(job, "extract", "--out", scratch, "--shards", shards)
        assert push(scratch, place.url, "--delete") == 0
        assert shards_of(scratch) == []
    assert made == [True, True, False, True, False]
    # The end, of which no features come.
    end = tmp_path / "end"
    assert pull(place.url, end, "--for-finish") == 0
    for name in shards_of(end):
        assert len(whole[name]) == (end / name).stat().st_size
    largest = max(shards_of(end), key=lambda name: len(whole[name]))
    with (end / largest).open("rb") as file:
        assert os.lseek(file.fileno(), 0, os.SEEK_HOLE) == 8192
    run(job, "finish", "--out", end)
    found = files_of(end)
    assert found.keys() == whole.keys()
    for _ in range(2):
        said = run_melmill("finish", "--out", end, cwd=job.folder)
        assert said.exit_code == 0
        assert (
            f"the features of {len(shards_of(end))} shards are" in said.stdout
        )
        assert "train on" not in said.stdout
    assert all(found[n] == whole[n] for n in whole if not is_shard(n))
    assert all(WITHOUT_FEATURES in found[n] for n in whole if is_shard(n))
    assert push(end, place.url) == 0
    assert place.files() == whole
    assert pull(place.url, tmp_path / "back") == 0
    assert files_of(tmp_path / "back") == whole
    # Once more, as when the machine of the end was lost: nothing is left to do.
    shutil.rmtree(end)
    assert pull(place.url, end, "--for-finish") == 0
    assert files_of(end) == found
    run(job, "finish", "--out", end)
    assert push(end, place.url) == 0
    # The features can come later.
    assert pull(place.url, end) == 0
    assert files_of(end) == whole


def test_an_end_rejects_what_no_machine_could_read(
    store_job: Job, place: Place, tmp_path: Path
) -> None:
    """By the notes of the parts, which come with the rest."""
    job = store_job
    planned = tmp_path / "planned"
    flags = ("--shard-size", SHARD_SIZE, *ANY_REJECTS, "--out", planned)
    run(job, "plan", "train.jsonl", "eval.jsonl", *flags)
    assert push(planned, place.url) == 0
    job.clip(7).unlink()
    part = tmp_path / "part"
    assert pull(place.url, part, "--part", "0/1") == 0
    done = run_melmill(
        "extract", "--out", part, "--part", "0/1", cwd=job.folder
    )
    assert done.exit_code == 4
    assert push(part, place.url, "--delete") == 0
    assert any(name.startswith(".doubts.") for name in place.files())
    end = tmp_path / "end"
    assert pull(place.url, end, "--for-finish") == 0
    run(job, "finish", "--out", end)
    assert push(end, place.url) == 0
    assert pull(place.url, tmp_path / "back") == 0
    assert place.files() == files_of(tmp_path / "back")
    assert len(melmill.open(tmp_path / "back")["train"]) == 24 - 4
    assert run_melmill("verify", tmp_path / "back").exit_code == 0


def test_an_end_that_was_not_pushed_is_kept(
    store: Path,
    unfinished: Path,
    place: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a shard that it made itself."""
    (unfinished / shards_of(unfinished)[0]).unlink()
    assert push(unfinished, place.url) == 0
    shutil.copytree(store, folder)
    before = files_of(folder)
    capsys.readouterr()
    assert pull(place.url, folder, "--for-finish") == 0
    assert "missing" not in capsys.readouterr().out
    assert files_of(folder) == before
    assert pull(place.url, folder, "--part", "0/1") == 0
    assert capsys.readouterr().out == "\n"
    assert files_of(folder) == before
    assert push(folder, place.url) == 0
    assert place.files() == before


def test_the_end_names_what_is_missing(
    unfinished: Path,
    place: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    notes = [f".{n}.0123456789abcdef" for n in ("doubts", "dispute")]
    for note in notes:
        (unfinished / note).write_bytes(b"note")
    (unfinished / shards_of(unfinished)[0]).unlink()
    assert push(unfinished, place.url) == 0
    capsys.readouterr()
    assert pull(place.url, folder, "--for-finish") == 0
    assert "; 1 of 4 shards missing\n" in capsys.readouterr().out
    assert files_of(folder).keys() == files_of(unfinished).keys()
    assert all((folder / note).read_bytes() == b"note" for note in notes)
    # The program counts the copies as made, and says that they are copies.
    info = run_melmill("info", folder)
    assert info.stdout.startswith(f"{folder}: UNFINISHED: 3 of 4 shards made ")
    assert "\n3 of them are copies without features (melmill" in info.stdout
    facts = json.loads(run_melmill("info", folder, "--json").stdout)
    assert facts["made"]["shards"] == facts["shards_without_features"] == 3
    whole = json.loads(run_melmill("info", unfinished, "--json").stdout)
    assert whole["made"] == facts["made"]
    assert "shards_without_features" not in whole


@pytest.mark.parametrize("what", REPLACED)
def test_the_end_gets_no_damaged_index(
    what: str, unfinished: Path, place: Place, folder: Path
) -> None:
    """Features are not read, so their damage is for `verify` to find."""
    shard = shards_of(unfinished)[1]
    place.put(shard, REPLACED[what]((unfinished / shard).read_bytes()))
    (unfinished / shard).unlink()
    assert push(unfinished, place.url) == 0
    expected = 0 if what == "feature" else 1
    assert pull(place.url, folder, "--for-finish") == expected
    assert (folder / shard).exists() is (what == "feature")


def test_copies_without_features_are_no_shards(
    store: Path,
    pushed: Place,
    other_place: Place,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert pull(pushed.url, folder, "--for-finish") == 0
    # For the reader:
    row = melmill.open(folder)["train"][0]
    with pytest.raises(melmill.DamagedStoreError, match="without features"):
        _ = row.features
    # for the program:
    verified = run_melmill("verify", folder)
    assert verified.exit_code == 1
    num_shards = len(shards_of(store))
    assert verified.stdout.count(": a copy without features, ") == num_shards
    info = run_melmill("info", folder)
    assert info.stdout.startswith(f"{folder}: WITHOUT FEATURES, ")
    assert f"the features of {num_shards} shards are not here" in info.stdout
    facts = json.loads(run_melmill("info", folder, "--json").stdout)
    assert facts["status"] == "without_features"
    assert facts["shards_without_features"] == num_shards
    shown = run_melmill("show", folder, "train", "--row", "1")
    assert "a copy without features, for melmill finish alone" in shown.text
    # for the place of another store, finished or not:
    assert push(folder, other_place.url) == 1
    assert "this copy has no features" in capsys.readouterr().err
    assert not set(shards_of(store)) & other_place.files().keys()
    make_unfinished(folder)
    assert push(folder, other_place.url) == 1
    # and without the mark, too.
    for name in shards_of(folder):
        body = (folder / name).read_bytes()
        zeros = b"\0" * len(WITHOUT_FEATURES)
        (folder / name).write_bytes(body.replace(WITHOUT_FEATURES, zeros))
    assert push(folder, other_place.url) == 1
    assert "other features than it should" in capsys.readouterr().err
    assert not set(shards_of(store)) & other_place.files().keys()


@pytest.mark.parametrize("n_mels", [80, 128])
def test_the_mark_is_of_no_features(n_mels: int) -> None:
    """As bytes, it needs filters' powers that no power spectrum has.

    A byte is the nearest step. Even errors of 20 steps do not suffice, wherever
    the floor is: a floor scales the spectrum.
    """
    filters = librosa.filters.mel(sr=16_000, n_fft=400, n_mels=n_mels)
    steps = np.frombuffer(WITHOUT_FEATURES, np.uint8)

    def is_possible(steps: npt.NDArray[Any], error: float) -> bool:
        shape = filters[: len(steps)] / 10 ** (steps / 127.5 * 4)[:, None]
        shape = shape[:, shape.any(0)]
        limit = np.full(len(steps), 10 ** (error / 127.5 * 4))
        found = linprog(
            np.zeros(shape.shape[1]),
            A_ub=np.concatenate([shape, -shape]) / np.abs(shape).max(0),
            b_ub=np.concatenate([limit, -1 / limit]),
        )
        return bool(found.status == 0)

    assert not is_possible(steps, 20)
    # As those of noise are, which shows that the question is put well.
    noise = np.random.default_rng(1).uniform(size=filters.shape[1])
    powers = np.log10(filters @ noise)
    powers = (powers - powers.max() + 8)[: len(steps)]
    assert is_possible(np.rint(powers / 4 * 127.5), 0.51)


def test_a_run_does_not_take_copies_for_shards(
    store_job: Job, place: Place, folder: Path
) -> None:
    """Neither in a store that is complete, nor before it is."""
    job = store_job
    assert push(job.store, place.url) == 0
    assert pull(place.url, folder, "--for-finish") == 0
    for _ in range(2):
        before = files_of(folder)
        for command in ("extract", "plan"):
            refused = run_melmill(
                command,
                *("train.jsonl", "eval.jsonl", "--out", folder),
                *("--shard-size", SHARD_SIZE, *ANY_REJECTS, "--update"),
                cwd=job.folder,
            )
            is_plan = command == "plan" and "store.json" not in before
            assert refused.exit_code == (0 if is_plan else 2), refused.text
            if not is_plan:
                assert "a copy without features, for melm" in refused.stderr
                assert files_of(folder) == before
        (folder / "store.json").unlink(missing_ok=True)
    checked = run_melmill(
        "verify", folder, "--against-audio", "3", cwd=job.folder
    )
    assert checked.exit_code == 2


def test_features_are_not_copied_for_the_end(
    pushed: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    copy = Downloads._copy

    def note(
        self: Pull, name: str, first: int, end: int, *rest: object
    ) -> None:
        if is_shard(name):
            asked.append((first, end))
        copy(self, name, first, end, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Downloads, "_copy", note)
    assert pull(pushed.url, folder, "--for-finish") == 0
    assert len(asked) == 2 * len(shards_of(folder))
    firsts = {first for first, _ in asked}
    assert 4096 not in firsts
