"""Rows that are pieces of files: found, told apart, or refused."""

import random
from pathlib import Path

import melmill
import numpy as np
import pytest
from melmill.torch import FeatureDataset, collate
from store_reading import Access
from support import extract, manifest_row, noise, write_manifest, write_wav

pytest_plugins = ["store_fixtures"]

RATE = 44_100
TEXT = "language English<asr_text>x"
STARTS_S = [0.0, 0.29, 1.1, 1.115, 2.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pieces of long.wav and of archive.tar, and their store."""
    folder = tmp_path_factory.mktemp("pieces")
    write_wav(folder / "long.wav", noise(4 * RATE, seed=1), RATE)
    write_wav(folder / "one.wav", noise(2 * RATE, seed=2), RATE)
    members = []
    for number in range(3):
        path = write_wav(folder / f"{number}.wav", noise(9000, seed=number))
        members.append(path.read_bytes())
    (folder / "archive.tar").write_bytes(
        b"".join(bytes(512) + m for m in members)
    )
    rows: list[dict[str, object]] = [
        manifest_row("long.wav", TEXT) | {"offset": start_s, "duration": 0.5}
        for start_s in STARTS_S
    ]
    rows.append(manifest_row("one.wav", TEXT) | {"offset": 0.5, "duration": 1})
    first = 512
    for member in members:
        rows.append(
            manifest_row("archive.tar", TEXT)
            | {"audio_offset": first, "audio_bytes": len(member)}
        )
        first += len(member) + 512
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(
        folder / "eval.jsonl",
        [
            manifest_row("long.wav", TEXT) | {"offset": 3, "duration": 0.5},
            manifest_row("0.wav", TEXT),
        ],
    )
    extract(folder / "store", "train.jsonl", "eval.jsonl", cwd=folder)
    return folder


@pytest.fixture
def store(folder: Path, access: Access) -> melmill.Store:
    return melmill.open(folder / "store", access=access)


def test_rows_know_their_pieces(store: melmill.Store) -> None:
    train = store["train"]
    starts = [int(start_s * RATE) for start_s in STARTS_S]
    assert train.segment_start.tolist() == [*starts, 22_050, 0, 0, 0]
    counts = [22_050] * 5 + [44_100, 0, 0, 0]
    assert train.segment_num_samples.tolist() == counts
    row = train[1]
    assert row.piece == (int(0.29 * RATE), 22_050, 0, 0)
    assert row.source_rate_hz == RATE
    assert row.segment_start_s == int(0.29 * RATE) / RATE
    assert row.num_samples == 8000
    assert train[7].piece == (0, 0, 512 + 18_044 + 512, 18_044)
    assert store["eval"][1].piece == (0, 0, 0, 0)
    assert train.has_pieces


def test_a_store_of_whole_files_has_none(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(4000))
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)] * 2)
    extract(tmp_path / "store", manifest)
    store = melmill.open(tmp_path / "store")
    assert not store["a"].has_pieces
    assert store["a"].segment_start.tolist() == [0, 0]
    assert store["a"].segment_num_samples.tolist() == [0, 0]
    assert store["a"][0].piece == (0, 0, 0, 0)
    assert store["a"][0].segment_start_s == 0
    assert store.find(str(path)).index == 0
    assert store.find(str(path), start=0).index == 0
    with pytest.raises(melmill.MissingAudioError, match=r"none with start=1"):
        store.find(str(path), start=1)
    assert "segment_start" not in store["a"].to_pandas()
    store.require_one_row_per_audio()


def test_a_piece_is_found_by_its_start(store: melmill.Store) -> None:
    for number, start_s in enumerate(STARTS_S):
        row = store.find("long.wav", start=start_s)
        assert (row.split.name, row.index) == ("train", number)
        # Its own start finds it too, though the product may be just below.
        again = store["train"].find("./long.wav", start=row.segment_start_s)
        assert again == row
    assert store.find("long.wav", start=3).split.name == "eval"
    assert store.find("one.wav").index == 5
    assert store.find("archive.tar", audio_offset=512).index == 6
    with pytest.raises(
        melmill.MissingAudioError, match=r"none with start=0\.3"
    ):
        store.find("long.wav", start=0.3)
    with pytest.raises(melmill.MissingAudioError, match="audio_offset=513"):
        store["train"].find("archive.tar", audio_offset=513)
    with pytest.raises(melmill.MissingAudioError, match="look like"):
        store.find("other.wav", start=1)


def test_every_start_of_a_row_finds_the_row(tmp_path: Path) -> None:
    """A start / rate * rate is not always the start."""
    draw = random.Random(4)
    starts = sorted(draw.sample(range(3 * RATE), 300))
    assert any(int(start / RATE * RATE) != start for start in starts)
    path = write_wav(tmp_path / "a.wav", noise(4 * RATE), RATE)
    rows = [
        manifest_row(path) | {"start_sample": start, "num_samples": 900}
        for start in starts
    ]
    manifest = write_manifest(tmp_path / "a.jsonl", rows)
    extract(tmp_path / "store", manifest)
    split = melmill.open(tmp_path / "store")["a"]
    for row in split:
        assert split.find(str(path), start=row.segment_start_s) == row


def test_nothing_is_guessed_among_several_pieces(store: melmill.Store) -> None:
    with pytest.raises(
        melmill.AmbiguousAudioError, match=r"long\.wav: 6 rows .* start="
    ):
        store.find("long.wav")
    with pytest.raises(melmill.AmbiguousAudioError, match="5 rows"):
        store["train"].find("./long.wav")
    with pytest.raises(
        melmill.AmbiguousAudioError, match=r"3 rows .* with start=0"
    ):
        store.find("archive.tar", start=0)
    with pytest.raises(melmill.AmbiguousAudioError):
        store.find_exact("archive.tar")
    assert store["eval"].find("long.wav").index == 0


def test_repeated_lines_of_one_piece_are_not_several(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(20_000))
    row = manifest_row(path) | {"offset": 0.5, "duration": 0.5}
    manifest = write_manifest(tmp_path / "a.jsonl", [row, row])
    extract(tmp_path / "store", manifest)
    store = melmill.open(tmp_path / "store")
    assert store.find(str(path)).index == 0
    store.require_one_row_per_audio()


def test_a_data_set_reads_every_piece(folder: Path) -> None:
    train = FeatureDataset(folder / "store", split="train")
    batch = collate([train[n] for n in range(len(train))])
    assert batch["index"] == list(range(9))
    assert batch["audio"][:2] == ["long.wav", "long.wav"]
    assert not (batch["input_features"][0] == batch["input_features"][1]).all()


def test_pieces_are_columns_of_a_data_set(store: melmill.Store) -> None:
    pytest.importorskip("datasets")
    for split in (store["train"], store["eval"]):
        frame = split.to_pandas()
        stream = split.to_hf_dataset()
        examples = list(stream)
        assert len(examples) == len(split)
        for name in (
            *("segment_start", "segment_num_samples", "source_rate_hz"),
            *("audio_offset", "audio_bytes"),
        ):
            assert stream.features[name].dtype.startswith("uint")
            values = [example[name] for example in examples]
            assert values == frame[name].tolist(), name


def test_pieces_are_columns_of_pandas(store: melmill.Store) -> None:
    frame = store["train"].to_pandas()
    assert frame["segment_start"][5] == 22_050
    assert frame["segment_num_samples"][6] == 0
    assert frame["source_rate_hz"][0] == RATE
    assert frame["audio_offset"][6] == 512
    assert frame["audio_bytes"][6] == 18_044


def test_stores_with_other_pieces_of_a_file_are_one(
    folder: Path, tmp_path: Path
) -> None:
    rows: list[dict[str, object]] = [
        manifest_row("long.wav", TEXT) | {"offset": 2.5, "duration": 1},
        manifest_row("long.wav", TEXT) | {"offset": 2, "duration": 0.5},
    ]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "more", manifest, "--audio-root", folder)
    both = melmill.open([folder / "store", tmp_path / "more"])
    assert len(both["train"]) == 11
    assert both.find("long.wav", start=2.5).index == 9
    # The same piece in both stores is one: the first.
    assert both.find("long.wav", start=2).index == 4
    write_wav(tmp_path / "long.wav", noise(4 * RATE, seed=9), RATE)
    write_manifest(tmp_path / "train.jsonl", rows[1:])
    extract(tmp_path / "other", "train.jsonl", cwd=tmp_path)
    with pytest.raises(melmill.ContractError, match="different features"):
        melmill.open([folder / "store", tmp_path / "other"])


def test_a_store_of_one_row_per_audio_is_no_problem(
    folder: Path, tmp_path: Path
) -> None:
    row = manifest_row("one.wav", TEXT) | {"offset": 0.5, "duration": 1}
    manifest = write_manifest(tmp_path / "train.jsonl", [row])
    extract(tmp_path / "store", manifest, "--audio-root", folder)
    melmill.open(tmp_path / "store").require_one_row_per_audio()
    with pytest.raises(
        melmill.AmbiguousAudioError, match="FeatureDataset"
    ) as e:
        melmill.open(folder / "store").require_one_row_per_audio()
    assert "docs/training.md" in str(e.value)


def test_features_are_those_of_the_piece(folder: Path) -> None:
    """A row of a range has the features of the member's own file."""
    store = melmill.open(folder / "store")
    whole = store["eval"][1]
    member = store.find("archive.tar", audio_offset=512)
    np.testing.assert_array_equal(member.features, whole.features)
