"""The command melmill push: what is there after it, whatever happens."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from melmill._remote import progress as progress_module
from melmill._remote.file_systems import file_system
from melmill._transfer import jobs as jobs_module
from melmill._transfer import object_store
from melmill._transfer.folder_lock import locked_folder
from melmill._transfer.jobs import Jobs
from melmill._transfer.object_store import ObjectStore
from melmill._transfer.pull_command import main as pull_main
from melmill._transfer.push import Push
from melmill._transfer.push_command import main as push_main
from melmill._transfer.store_url import StoreUrl
from melmill._transfer.uploads import ConflictError
from moto.s3.responses import S3Response
from s3fs.errors import translate_boto_error
from store_job import cut_off, flip_byte
from support import REPOSITORY, files_of
from transfer_stores import (
    Place,
    copied_store,
    is_shard,
    make_unfinished,
    shards_of,
    the_client,
)

pytest_plugins = ["stage_fixtures", "transfer_fixtures"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A finished store of two splits that a test may change."""
    return copied_store("qwen3_asr_f16", tmp_path / "store")


def push(*arguments: object) -> int:
    return push_main([str(argument) for argument in arguments])


def exit_code(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Of wrong usage, too, at which argparse ends the process."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(str(end.code))


def of_s3(status: int, code: str) -> Exception:
    """What s3fs raises when a server answers so."""
    response: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    error: Exception = translate_boto_error(
        botocore.exceptions.ClientError(response, "PutObject")
    )
    return error


class Calls:
    """Sees the calls of the client before they are made, and may raise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.before: Callable[[str, dict[str, Any]], None] = lambda *_: None
        client = the_client()
        real = client.call_s3

        def call(method: str, **options: Any) -> Any:
            self.seen.append((method, options))
            self.before(method, options)
            return real(method, **options)

        monkeypatch.setattr(client, "call_s3", call)

    def names(self, *methods: str) -> list[str]:
        """The files that these calls were about."""
        return [
            options["Key"].rpartition("/")[2]
            for method, options in self.seen
            if method in methods
        ]


@pytest.fixture
def calls(s3: str, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


# A finished store.


def test_a_store_comes_back_as_it_was(
    store: Path,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)
    num_bytes = sum(map(len, files_of(store).values()))
    num_bytes += (store / "store.json").stat().st_size  # which is read back
    text = capsys.readouterr()
    assert text.out == (
        f"pushed {store} to {place.url}: 11 files uploaded "
        f"({num_bytes / 1e3:.1f} kB), 0 kept; "
        "the store there is finished\n"
    )
    assert text.err == ""
    assert pull_main([place.url, str(tmp_path / "back")]) == 0
    assert files_of(tmp_path / "back") == files_of(store)


def test_only_files_of_the_store_are_pushed(store: Path, place: Place) -> None:
    before = files_of(store)
    names = (
        *(".local", ".lock", ".suspects.0123456789abcdef", "train.backup.h5"),
        *(".doubts.0123456789abcdef", "train.0123456789ab.h5", "job.json"),
        *("plan.h5.0123456789abcdef.tmp", "certificate.json"),
    )
    for name in names:
        (store / name).write_text("x")
    (store / "folder").mkdir()
    assert push(store, place.url) == 0
    assert place.files() == before


def test_the_plan_is_first_and_store_json_last(
    store: Path, place: Place, calls: Calls
) -> None:
    assert push(store, place.url) == 0
    first, *between, last = calls.names("put_object")
    assert (first, last) == ("plan.h5", "store.json")
    num_shards = len(shards_of(store))
    assert all(map(is_shard, between[:num_shards]))
    assert not any(map(is_shard, between[num_shards:]))
    assert all(
        options["IfNoneMatch"] == "*"
        for method, options in calls.seen
        if method == "put_object"
    )


def test_only_what_is_missing_is_uploaded(
    store: Path,
    place: Place,
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert push(store, place.url) == 0
    calls.seen.clear()
    assert push(store, place.url) == 0
    assert calls.names("put_object") == []
    shard = shards_of(store)[1]
    place.remove(shard)
    assert push(store, place.url) == 0
    assert calls.names("put_object") == [shard]
    assert place.files() == files_of(store)
    assert "1 file uploaded" in capsys.readouterr().out


def test_local_shards_that_are_there_need_not_be_here(
    store: Path, place: Place
) -> None:
    before = files_of(store)
    assert push(store, place.url) == 0
    place.remove("rejects.jsonl")
    for name in shards_of(store):
        (store / name).unlink()
    assert push(store, place.url) == 0
    assert place.files() == before


def test_large_files_go_in_parts(
    store: Path, place: Place, calls: Calls, small_pieces: None, tmp_path: Path
) -> None:
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)
    completed = calls.names("complete_multipart_upload")
    assert {*shards_of(store), "plan.h5"} <= {*completed}
    assert place.uploads() == []
    assert pull_main([place.url, str(tmp_path / "back")]) == 0
    assert files_of(tmp_path / "back") == files_of(store)


# Another store, another file.


def test_another_store_is_not_replaced(
    store: Path,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert push(store, place.url) == 0
    before = place.files()
    other = copied_store("spectral_bf16", tmp_path / "other")
    assert push(other, place.url) == 2
    text = capsys.readouterr().err
    assert (
        f"error: {place.url} has another store, which is not replaced:" in text
    )
    assert 'contract.feature_type is "bf16" here, "f16" there' in text
    assert "push to another prefix" in text
    assert place.files() == before


def test_another_plan_is_not_replaced(
    unfinished: Path, place: Place, tmp_path: Path
) -> None:
    assert push(unfinished, place.url) == 0
    before = place.files()
    other = copied_store("spectral_bf16", tmp_path / "other")
    assert push(other, place.url) == 2
    assert push(make_unfinished(other), place.url) == 2
    assert place.files() == before


@pytest.mark.parametrize("kind", ["shard", "table", "plan.h5"])
def test_a_file_of_another_size_is_not_replaced(
    kind: str, store: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"shard": shards_of(store)[0], "table": "train.rows.h5"}
    name = names.get(kind, kind)
    place.put(name, b"x")
    assert push(store, place.url) == 2
    text = capsys.readouterr().err
    assert f"error: {place.url}/{name} has 1 bytes, not " in text
    assert place.files() == {name: b"x"}


def test_a_file_of_another_checksum_is_not_replaced(
    store: Path,
    place: Place,
    other_place: Place,
    system: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A shard that was made again for other audio has the same name."""
    name, other = "train.accepted.jsonl", "eval.accepted.jsonl"
    assert push(store, other_place.url) == 0
    size = len(other_place.files()[name])
    assert push(store, place.url) == 0
    assert size
    place.remove("store.json")
    system.call_s3(
        "put_object",
        Bucket="stores",
        Key=f"{place.path.removeprefix('stores/')}/{name}",
        Body=b"x" * size,
        Metadata={"melmill-checksum": "0" * 16},
    )
    before = place.files()
    assert push(store, place.url) == 2
    assert (
        f"{name} has the checksum 0000000000000000" in capsys.readouterr().err
    )
    assert place.files() == before
    assert other in before


def test_an_object_of_another_program_counts_by_its_size(
    store: Path, place: Place
) -> None:
    files = files_of(store)
    for name in shards_of(store):
        place.put(name, files[name])
    assert push(store, place.url) == 0
    assert place.files() == files


# Several at once.


class TogetherStore(ObjectStore):
    """Lists the objects at the same time as another one."""

    barrier = threading.Barrier(2)

    def sizes(self) -> dict[str, int]:
        sizes = super().sizes()
        self.barrier.wait(60)
        return sizes


def push_together(place: Place, *folders: Path) -> list[Push | Exception]:
    """What became of pushes that both found nothing at the place."""
    results: list[Push | Exception] = []

    def work(folder: Path) -> None:
        stopping = threading.Event()
        url = StoreUrl.parse(place.url)
        objects = TogetherStore(url, stopping, lambda _: None)
        job = Push(folder, objects, Jobs(2, stopping))
        try:
            job.run(deletes=False)
            results.append(job)
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=work, args=[f]) for f in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the server look for an object and make it in one step, as S3 does."""
    lock = threading.Lock()
    for name in ("_key_response_put", "_key_response_post"):
        answer = getattr(S3Response, name)

        def locked(*args: Any, answer: Any = answer) -> Any:
            with lock:
                return answer(*args)

        monkeypatch.setattr(S3Response, name, locked)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("pieces", ["whole", "small"])
def test_two_pushes_at_once_agree(
    pieces: str, store: Path, place: Place, request: pytest.FixtureRequest
) -> None:
    if pieces == "small":
        request.getfixturevalue("small_pieces")
    pushes = push_together(place, store, store)
    results = [job.uploads for job in pushes if isinstance(job, Push)]
    assert len(results) == 2, pushes
    assert sum(result.num_uploaded for result in results) == 11
    assert sum(result.num_kept for result in results) == 11
    assert place.files() == files_of(store)
    assert place.uploads() == []


@pytest.mark.usefixtures("one_by_one")
def test_of_two_stores_at_once_one_gets_the_place(
    store: Path, place: Place, tmp_path: Path
) -> None:
    other = copied_store("spectral_bf16", tmp_path / "other")
    pushes = push_together(place, store, other)
    (error,) = [each for each in pushes if isinstance(each, Exception)]
    assert isinstance(error, ConflictError), error
    assert "plan.h5 has " in str(error)
    assert place.files() in (files_of(store), files_of(other))


# Servers that know no conditions.


@pytest.mark.parametrize("pieces", ["whole", "small"])
def test_a_server_may_know_no_conditions(
    pieces: str,
    store: Path,
    place: Place,
    calls: Calls,
    request: pytest.FixtureRequest,
) -> None:
    if pieces == "small":
        request.getfixturevalue("small_pieces")

    def refuse(_: str, options: dict[str, Any]) -> None:
        if "IfNoneMatch" in options:
            raise of_s3(501, "NotImplemented")

    calls.before = refuse
    assert push(store, place.url, "-j", 1) == 0
    assert place.files() == files_of(store)
    assert sum("IfNoneMatch" in options for _, options in calls.seen) == 1


def test_who_is_replaced_by_such_a_server_is_told(
    store: Path,
    place: Place,
    calls: Calls,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = copied_store("spectral_bf16", tmp_path / "other")
    theirs = (other / "store.json").read_bytes()

    def replace(method: str, options: dict[str, Any]) -> None:
        """The other one comes between the upload and the look at it."""
        key = options.get("Key", "")
        if method == "head_object" and key.endswith("store.json"):
            place.put("store.json", theirs)

    calls.before = replace
    assert push(store, place.url) == 2
    assert "has another store" in capsys.readouterr().err


# What fails.


def test_a_bucket_that_is_not_there(
    store: Path, s3: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(store, "s3://no-such-bucket/x") == 4
    assert capsys.readouterr().err == (
        "error: there is no bucket no-such-bucket\n"
        "what was copied is kept; run the same command again\n"
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ExpiredToken"), (403, "AccessDenied"), (403, "InvalidAccessKeyId")],
)
def test_credentials_that_end_stop_the_work(
    status: int,
    code: str,
    store: Path,
    place: Place,
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(method: str, _: dict[str, Any]) -> None:
        if method == "put_object" and len(calls.names("put_object")) > 3:
            raise of_s3(status, code)

    calls.before = refuse
    assert push(store, place.url, "-j", 1) == 4
    text = capsys.readouterr().err
    assert text.count("\n") == 3
    assert "error: 1 file failed:\n" in text
    assert f": {code}\n" in text
    assert "run the same command again" in text
    assert len(calls.names("put_object")) == 4
    there = place.files()
    assert len(there) == 3
    assert "store.json" not in there
    assert there.items() <= files_of(store).items()
    calls.before = lambda *_: None
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)


def test_faults_that_pass_are_waited_for(
    store: Path, place: Place, calls: Calls
) -> None:
    failed: set[str] = set()

    def fail_once(method: str, options: dict[str, Any]) -> None:
        call = f"{method} {options.get('Key')}"
        if call not in failed:
            failed.add(call)
            raise of_s3(503, "SlowDown")

    calls.before = fail_once
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)
    assert len(failed) > 11


def test_an_answer_that_is_lost_is_no_conflict(
    store: Path, place: Place, calls: Calls, system: Any, small_pieces: None
) -> None:
    """The call is made, and is made again because nobody heard of it."""
    made: set[str] = set()
    makes = ("put_object", "complete_multipart_upload")
    real = type(system).call_s3

    def make_and_lose(method: str, options: dict[str, Any]) -> None:
        key = options.get("Key", "")
        if method in makes and key not in made:
            made.add(key)
            real(system, method, **options)
            raise of_s3(500, "InternalError")
        if method == "complete_multipart_upload":
            raise of_s3(404, "NoSuchUpload")  # as Amazon's server answers

    calls.before = make_and_lose
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)
    assert len(made) == 11


def test_a_fault_that_lasts_names_the_file(
    store: Path,
    place: Place,
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shard = shards_of(store)[1]

    def refuse(method: str, options: dict[str, Any]) -> None:
        if method == "put_object" and options["Key"].endswith(shard):
            raise of_s3(500, "InternalError")

    calls.before = refuse
    assert push(store, place.url) == 4
    assert capsys.readouterr().err == (
        "error: 1 file failed:\n"
        f"  {shard}: HTTP 500 Internal Server Error: InternalError "
        "(tried 3 times)\n"
        "what was copied is kept; run the same command again\n"
    )
    others = {*shards_of(store), "plan.h5"} - {shard}
    assert place.files().keys() == others


def test_a_server_that_is_away_ends_the_work(
    store: Path,
    place: Place,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(jobs_module, "MAX_FAULTS", 2)

    def refuse(method: str, options: dict[str, Any]) -> None:
        if method == "put_object" and is_shard(options["Key"][-20:]):
            raise of_s3(500, "InternalError")

    calls.before = lambda method, options: (
        refuse(method, {"Key": options["Key"].rpartition("/")[2]})
        if method == "put_object"
        else None
    )
    assert push(store, place.url, "-j", 1) == 4
    assert "error: 2 files failed:\n" in capsys.readouterr().err
    assert len(calls.names("put_object")) in (7, 8)  # of 1 + 4 * 3


DAMAGE: dict[str, Callable[[Path], object]] = {
    "features": lambda p: flip_byte(p, 5_000),
    "index": lambda p: flip_byte(p, p.stat().st_size - 9),
    "cut": cut_off,
    "missing": Path.unlink,
    "zeros": lambda p: p.write_bytes(
        p.read_bytes()[:4096] + b"\0" * 2048 + p.read_bytes()[6144:]
    ),
}


@pytest.mark.parametrize(
    ("what", "state"),
    [
        *((what, "finished") for what in DAMAGE),
        *((what, "unfinished") for what in ("index", "zeros")),
    ],
)
def test_a_damaged_shard_is_not_pushed(
    what: str,
    state: str,
    store: Path,
    place: Place,
    small_pieces: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = files_of(store)
    if state == "unfinished":
        make_unfinished(store)
    shard = shards_of(store)[2]
    DAMAGE[what](store / shard)
    assert push(store, place.url) == 1
    text = capsys.readouterr().err
    assert f"{store / shard}: " in text
    assert "again" not in text
    there = place.files()
    assert shard not in there
    assert "store.json" not in there
    assert len(set(there) & set(shards_of(store))) == 3
    assert place.uploads() == []
    (store / shard).write_bytes(whole[shard])
    assert push(store, place.url) == 0
    assert place.files()[shard] == whole[shard]


@pytest.mark.parametrize(
    "name", ["train.rows.h5", "train.accepted.jsonl", "plan.h5", "store.json"]
)
def test_other_damaged_files_are_not_pushed(
    name: str, store: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_byte(store / name, (store / name).stat().st_size // 2)
    assert push(store, place.url) == 1
    assert f"{store / name}: " in capsys.readouterr().err
    there = place.files()
    assert name not in there
    assert "store.json" not in there


# Wrong usage.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["DIR"], "arguments are required"),
        (["s3://b/x", "DIR"], "s3://b/x is no folder; it is melmill push DIR"),
        (["DIR", "DIR"], "is no place in object storage"),
        (["DIR", "gs://b/x"], "gs://b/x is no place in object storage"),
        (["DIR", "s3:///x"], "the URL names no bucket"),
        (["DIR", "s3://b/x//y"], "a part of the prefix is empty"),
        (["DIR/none", "s3://b/x"], "there is no such folder"),
        (["DIR/plan.h5", "s3://b/x"], "is a file"),
        (["EMPTY", "s3://stores/x"], "EMPTY: there is no store"),
        (["DIR", "s3://b/x", "-j", "0"], "1 to 64"),
        (["DIR", "s3://b/x", "--part", "1/2"], "unrecognized arguments"),
        (["DIR", "s3://stores/x", "--delete"], "is a finished store"),
    ],
)
def test_wrong_usage_uploads_nothing(
    arguments: list[str],
    message: str,
    store: Path,
    place: Place,
    tmp_path: Path,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    store.rename("DIR")
    Path("EMPTY").mkdir()
    assert exit_code(push_main, arguments) == 2
    assert message in capsys.readouterr().err
    assert calls.names("put_object") == []


def test_a_missing_package_is_wrong_usage(
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(object_store, "file_system", file_system)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert push(store, "s3://b/x") == 2
    assert "pip install fsspec s3fs" in capsys.readouterr().err


def test_a_folder_in_use_is_left_alone(
    store: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked_folder(store, is_alone=True, makes=True):
        assert push(store, place.url) == 4
    assert f"error: {store} is in use; " in capsys.readouterr().err
    assert place.files() == {}
    make_unfinished(store)
    with locked_folder(store, is_alone=False, makes=True):
        assert push(store, place.url) == 0
        assert push(store, place.url, "--delete") == 4
    assert len(shards_of(store)) == 4


# An unfinished store.


def test_the_shards_of_a_part_are_pushed_and_deleted(
    unfinished: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(unfinished)
    shards = shards_of(unfinished)
    held = before.pop(shards[3])
    (unfinished / shards[3]).unlink()
    for name in (
        f"{shards[3]}.0123456789abcdef.tmp",
        "train.0123456789ab.h5",
        ".local",
    ):
        (unfinished / name).write_bytes(b"x")
    notes = {
        ".doubts.0123456789abcdef": b"doubt",
        ".suspects.0123456789abcdef": b"suspect",
        ".worker.0123456789abcdef": b"worker",
    }
    for name, note in notes.items():
        (unfinished / name).write_bytes(note)
    assert push(unfinished, place.url) == 0
    assert "3 of 4 shards are there" in capsys.readouterr().out
    assert place.files() == {**before, **notes}
    assert {*shards[:3]} < {*shards_of(unfinished)}
    (unfinished / shards[3]).write_bytes(held)
    (unfinished / ".suspects.0123456789abcdef").write_bytes(b"suspects")
    assert push(unfinished, place.url, "--delete") == 0
    out = capsys.readouterr().out
    assert "4 local shards deleted; 4 of 4 shards are there" in out
    there = place.files()
    assert there[shards[3]] == held
    assert there[".suspects.0123456789abcdef"] == b"suspects"
    assert not {*shards} & {*files_of(unfinished)}
    assert (unfinished / "train.0123456789ab.h5").exists()
    assert push(unfinished, place.url, "--delete") == 0
    assert place.files() == there


def test_a_shard_is_deleted_only_if_its_checksum_is_there(
    unfinished: Path, place: Place
) -> None:
    first, *others = shards_of(unfinished)
    place.put(first, (unfinished / first).read_bytes())
    assert push(unfinished, place.url, "--delete") == 0
    assert shards_of(unfinished) == [first]
    assert {first, *others} <= place.files().keys()


def test_a_part_may_come_after_the_end(
    unfinished: Path,
    store: Path,
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert push(store, place.url) == 0
    before = place.files()
    (unfinished / ".suspects.0123456789abcdef").write_bytes(b"suspect")
    assert push(unfinished, place.url, "--delete") == 0
    assert "the store there is finished" in capsys.readouterr().out
    assert place.files() == before
    assert shards_of(unfinished) == []


def test_a_part_of_another_store_may_not(
    unfinished: Path,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = copied_store("spectral_bf16", tmp_path / "other")
    assert push(other, place.url) == 0
    assert push(unfinished, place.url, "--delete") == 2
    assert "has a finished store of another plan" in capsys.readouterr().err
    assert place.files() == files_of(other)
    assert len(shards_of(unfinished)) == 4


def test_the_end_removes_what_only_parts_need(
    unfinished: Path,
    store: Path,
    place: Place,
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (unfinished / ".suspects.0123456789abcdef").write_bytes(b"suspect")
    assert push(unfinished, place.url) == 0
    place.put("notes.txt", b"mine")

    def refuse(method: str, _: dict[str, Any]) -> None:
        if method == "delete_object":
            raise of_s3(403, "AccessDenied")

    calls.before = refuse
    assert push(store, place.url) == 0
    left = {".suspects.0123456789abcdef", "job.json"}
    text = capsys.readouterr().err
    assert all(name in text for name in ["warning: could not remove", *left])
    calls.before = lambda *_: None
    assert push(store, place.url) == 0
    assert place.files() == {**files_of(store), "notes.txt": b"mine"}


def test_a_damaged_plan_is_not_pushed(
    unfinished: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (unfinished / "plan.h5").write_bytes(b"x")
    assert push(unfinished, place.url) == 1
    assert "plan.h5: damaged" in capsys.readouterr().err
    assert place.files() == {}


# Processes that end in the middle.


class KilledError(BaseException):
    """Stands for the end of the process: no call is made after it."""


@pytest.mark.parametrize("pieces", ["whole", "small"])
def test_each_call_may_be_the_last(
    pieces: str,
    place: Place,
    calls: Calls,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if pieces == "small":
        request.getfixturevalue("small_pieces")
    store = copied_store("default_f16", tmp_path / "store")
    whole = files_of(store)
    base = place.path

    def end_at(number: int) -> None:
        def end(*_: object) -> None:
            if len(calls.seen) >= number:
                raise KilledError

        calls.seen.clear()
        calls.before = end

    # Of many calls, some: the number of all is no multiple of the step.
    for number in itertools.count(1, 5 if pieces == "small" else 1):
        place.path = f"{base}/{number}"
        end_at(number)
        is_killed = False
        try:
            assert push(store, place.url, "-j", 1) == 0
        except KilledError:
            is_killed = True
        calls.before = lambda *_: None
        there = place.files()
        assert there.items() <= whole.items(), number
        assert "store.json" not in there or there == whole, number
        if not is_killed:
            break
        assert push(store, place.url) == 0
        assert place.files() == whole
    assert number > (20 if pieces == "small" else 8)


HANGS = """
import time
from melmill._scripts import push
from melmill._transfer import jobs, object_store

call = object_store.ObjectStore._call

def hang(self, method, **options):
    if options.get("PartNumber") == 2:
        print("hangs", flush=True)
        time.sleep(60)
    return call(self, method, **options)

object_store.PIECE_BYTES = 8_000
object_store.ObjectStore._call = hang
jobs._MAX_END_S = 0
push()
"""


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)]
)
def test_a_push_that_is_stopped_resumes(
    number: signal.Signals, expected: int, store: Path, place: Place
) -> None:
    """In the middle of a file, of which there is no object then."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, store, place.url],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == expected
    resumes = "stopped; what was copied is kept; run the same command again\n"
    assert err == ("" if number == signal.SIGKILL else resumes)
    assert place.files() == {}
    assert len(place.uploads()) == 1
    assert push(store, place.url) == 0
    assert place.files() == files_of(store)


def test_progress_is_shown(
    store: Path,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress_module, "_LOG_INTERVAL_S", 0.001)
    assert push(store, place.url) == 0
    line, *_ = capsys.readouterr().err.splitlines()
    assert line.startswith("pushing: 0 files, 0.0 kB, 0 MB/s")
    assert push(store, place.url, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_the_folder_may_be_read_only(store: Path, place: Place) -> None:
    """No lock is made, and nothing else is written."""
    shutil.rmtree(store / ".lock", ignore_errors=True)
    before = sorted(store.iterdir())
    assert push(store, place.url) == 0
    assert sorted(store.iterdir()) == before
