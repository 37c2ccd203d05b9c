"""Rows are found by audio strings and by other spellings of a path."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import melmill
import pytest
from melmill._store import table
from store_job import Job
from store_reading import Access
from support import extract, manifest_row, noise, write_manifest, write_wav

pytest_plugins = ["store_fixtures"]


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


def test_a_url_has_no_other_spelling(tmp_path: Path) -> None:
    """The keys of two objects of S3 can differ by a slash."""
    write_wav(tmp_path / "a.wav", noise(4000))
    urls = ["s3://b/x//a.wav", "https://h/./a.wav"]
    rows = [manifest_row(url) | {"audio_path": "a.wav"} for url in urls]
    manifest = write_manifest(
        tmp_path / "a.jsonl", [*rows, manifest_row("a.wav")]
    )
    extract(tmp_path / "store", manifest, cwd=tmp_path)
    store = melmill.open(
        tmp_path / "store", audio_root=tmp_path, path_map={"a.wav": "b.wav"}
    )
    for url in urls:
        assert store.find(url).audio == url
        # path_map and audio_root are of the copy.
        assert store.find(url).audio_path == tmp_path / "b.wav"
    for other in ("s3://b/x/a.wav", "s3:/b/x/a.wav", "https://h/a.wav"):
        with pytest.raises(melmill.MissingAudioError):
            store.find(other)
    assert store.find("./a.wav").audio == "a.wav"


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
