"""melmill.certify compares a store with the reference, row by row."""

import errno
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import pytest
import soundfile
import transformers
import xxhash
from melmill._certify import certificate
from melmill._certify.certifying import InTheWayError, NoAudioError
from melmill._models.reference_audio import load_samples
from melmill._store.shard import FEATURES_OFFSET
from melmill._store.split import Split
from support import (
    extract,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

pytestmark = pytest.mark.transformers

RATES = (16000, 8000, 44100, 48000, 16000)


def make_clips(folder: Path) -> None:
    """Five clips of four rates, and the manifest of them."""
    for number, rate in enumerate(RATES):
        samples = noise(rate // 2 + 37 * number, number)
        write_wav(folder / f"{number}.wav", samples, rate)
    rows = [manifest_row(f"{number}.wav") for number in range(len(RATES))]
    write_manifest(folder / "train.jsonl", rows[:3])
    write_manifest(folder / "eval.jsonl", rows[3:])


def make_store(folder: Path, *flags: str) -> Path:
    manifests = ("train.jsonl", "eval.jsonl")
    extract(folder / "store", *manifests, *flags, cwd=folder)
    return folder / "store"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_clips(folder)
    make_store(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder with clips and the float16 store of them."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def certify(folder: Path, **options: Any) -> melmill.Certificate:
    return melmill.certify(folder / "store", audio_root=folder, **options)


def written(folder: Path) -> dict[str, Any]:
    path = folder / "store" / "certificate.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def change_feature(
    store: Path,
    split: str,
    index: int,
    by: float,
    places: Sequence[tuple[int, int]] = ((7, 3),),
) -> None:
    """Changes values of a float16 row, with checksums that fit."""
    row = melmill.open(store)[split][index]
    stored, features = row.stored, row.read_stored()
    for frame, mel in places:
        features[frame, mel] += np.float16(by)
    path = stored.shard.path
    content = bytearray(path.read_bytes())
    at = FEATURES_OFFSET + stored.start * features[0].nbytes
    content[at : at + features.nbytes] = features.tobytes()
    columns = stored.shard._columns._places
    checksum = xxhash.xxh3_64_intdigest(features.data).to_bytes(8, "little")
    at = columns["checksum"].offset + 8 * stored.row
    content[at : at + 8] = checksum
    path.write_bytes(content)
    reseal(store, path.name, bytes(content))


def reseal(store: Path, name: str, content: bytes) -> None:
    """Gives store.json the checksum of a changed shard, and its own."""
    index = json.loads((store / "store.json").read_text())
    frame_bytes = 2 * index["contract"]["n_mels"]
    for shard in index["shards"]:
        if shard["file"] == name:
            end = FEATURES_OFFSET + shard["num_frames"] * frame_bytes
            outside = content[:FEATURES_OFFSET] + content[end:]
            shard["checksum"] = xxhash.xxh3_64_hexdigest(outside)
    del index["checksum"]
    text = json.dumps(index, indent=2).removesuffix("\n}") + ",\n"
    checksum = xxhash.xxh3_64_hexdigest(text.encode())
    (store / "store.json").write_text(f'{text}  "checksum": "{checksum}"\n}}\n')


@pytest.mark.parametrize(
    ("flags", "rounding"),
    [
        (("--dtype", "f16"), 2.0**-11),
        (("--dtype", "f32"), 0),
        (("--dtype", "bf16", "--preset", "whisper"), 2.0**-8),
        (("--dtype", "u8"), 0.003923),
    ],
)
def test_a_right_store_passes(
    flags: tuple[str, ...], rounding: float, tmp_path: Path
) -> None:
    make_clips(tmp_path)
    store = make_store(tmp_path, *flags)
    found = certify(tmp_path)
    content = written(tmp_path)
    assert found.has_passed
    assert found.content == content
    assert content["verdict"] == "pass"
    index = (store / "store.json").read_bytes()
    assert content["store"]["checksum"] == xxhash.xxh3_64_hexdigest(index)
    assert content["store"]["contract"] == json.loads(index)["contract"]
    packages = content["reference"]["packages"]
    assert packages["transformers"] == transformers.__version__
    assert packages["melmill"] == melmill.__version__
    rows = content["rows"]
    assert (rows["chosen"], rows["equal"], rows["seed"]) == (5, 5, None)
    num_values = sum(
        row.features.size
        for split in melmill.open(store).values()
        for row in split
    )
    difference = content["difference"]
    assert difference["values"] == num_values
    assert sum(d["values"] for d in difference["histogram"]) == num_values
    assert 0 < difference["rms"] < difference["largest"] <= rounding + 2e-4
    assert difference["largest_beyond_rounding"] <= 2e-4
    assert content["bound"]["values_beyond_tolerance"] == 0
    assert content["failures"] == []


@pytest.mark.parametrize("num_beyond", [1, 2])
def test_one_value_in_a_million_may_be_beyond_the_tolerance(
    num_beyond: int, folder: Path
) -> None:
    """By more than 2e-4, but no more than 5e-4, beyond rounding."""
    store = folder / "store"
    features = melmill.open(store)["train"][0].features
    small = [(int(t), int(m)) for t, m in np.argwhere(np.abs(features) < 0.2)]
    change_feature(store, "train", 0, 4e-4, small[:num_beyond])
    found = certify(folder)
    assert found.has_passed == (num_beyond == 1)
    told = "too many values beyond the tolerance" in str(found)
    assert told != found.has_passed
    info = run_melmill("info", store).stdout
    assert ("NO: too many values beyond" in info) != found.has_passed
    bound = written(folder)["bound"]
    assert bound["values_beyond_tolerance"] == num_beyond


def test_one_wrong_feature_fails(folder: Path) -> None:
    change_feature(folder / "store", "eval", 1, 0.01)
    found = certify(folder)
    assert not found.has_passed
    content = written(folder)
    assert content["verdict"] == "fail"
    assert (content["rows"]["equal"], content["rows"]["different"]) == (4, 1)
    [failure] = content["failures"]
    assert failure["what"] == "different"
    assert (failure["split"], failure["line"], failure["audio"]) == (
        "eval",
        2,
        "4.wav",
    )
    assert failure["message"].endswith("at frame 7, mel 3")
    assert found.largest_difference == pytest.approx(0.01, abs=1e-3)
    beyond = content["difference"]["largest_beyond_rounding"]
    assert beyond == pytest.approx(0.01, abs=1e-3)
    decades = {
        d["below"]: d["values"] for d in content["difference"]["histogram"]
    }
    assert decades[0.1] + decades[0.01] == 1


def test_features_without_their_checksum_fail(folder: Path) -> None:
    row = melmill.open(folder / "store")["train"][1]
    with row.stored.shard.path.open("r+b") as file:
        file.seek(FEATURES_OFFSET + row.stored.start * 256)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    assert not certify(folder).has_passed
    [failure] = written(folder)["failures"]
    assert (failure["what"], failure["audio"]) == ("damaged", "1.wav")


def test_changed_and_missing_audio_are_named_and_not_equal(
    folder: Path,
) -> None:
    samples, rate = soundfile.read(folder / "1.wav", dtype="int16")
    samples[100] += 1
    soundfile.write(folder / "1.wav", samples, rate)
    soundfile.write(folder / "2.wav", samples[:-1], rate)
    (folder / "4.wav").unlink()
    found = certify(folder)
    assert not found.has_passed
    assert found.num_equal == 2
    assert [(f.what, f.audio) for f in found.failures] == [
        ("changed_audio", "1.wav"),
        ("changed_audio", "2.wav"),
        ("missing_audio", "4.wav"),
    ]
    assert written(folder)["rows"]["changed_audio"] == 2


def test_a_row_without_the_end_of_its_audio_differs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only --truncate makes such rows, and of one length."""

    def load(row: Any) -> Any:
        return np.append(load_samples(row), np.float32(0))

    monkeypatch.setattr("melmill._certify.certifying.load_samples", load)
    found = certify(folder)
    assert found.num_equal == 0
    assert found.failures[0].message == "8001 samples, 8000 in the store"


def test_a_number_of_rows_is_at_least_1(folder: Path) -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        certify(folder, rows=0)


def test_without_any_audio_nothing_is_written(folder: Path) -> None:
    with pytest.raises(NoAudioError, match=r"found; there is no .*/0\.wav"):
        melmill.certify(folder / "store", audio_root=folder / "elsewhere")
    assert not (folder / "store" / "certificate.json").exists()


def test_a_truncated_row_is_equal_and_counted(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", noise(31 * 8000), 8000)
    write_wav(tmp_path / "short.wav", noise(8000), 8000)
    rows = [manifest_row("long.wav"), manifest_row("short.wav")]
    write_manifest(tmp_path / "train.jsonl", rows)
    flags = ("--preset", "whisper", "--truncate")
    extract(tmp_path / "store", "train.jsonl", *flags, cwd=tmp_path)
    assert certify(tmp_path).has_passed
    assert written(tmp_path)["rows"]["truncated"] == 1


def chosen_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> list[tuple[str, int]]:
    seen = []
    original = Split.__getitem__

    def look(self: Split, index: Any) -> Any:
        seen.append((self.name, index))
        return original(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(Split, "__getitem__", look)
        assert certify(folder, rows=2, seed=seed).num_rows == 2
    return seen


def test_a_seed_chooses_the_same_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = chosen_rows(folder, monkeypatch, 1)
    assert len(first) == 2
    assert chosen_rows(folder, monkeypatch, 1) == first
    others = [chosen_rows(folder, monkeypatch, seed) for seed in range(2, 5)]
    assert any(rows != first for rows in others)
    assert written(folder)["rows"]["seed"] == 4


def test_a_file_of_the_user_is_kept(folder: Path) -> None:
    path = folder / "store" / "certificate.json"
    for content in ("not JSON", "[1]", '{"format": "x"}'):
        path.write_text(content)
        with pytest.raises(InTheWayError, match="move it elsewhere"):
            certify(folder)
        assert path.read_text() == content


def test_a_certificate_is_replaced_in_one_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify(folder)
    before = (folder / "store" / "certificate.json").read_bytes()

    def fail(_: int) -> None:
        raise OSError(errno.EFBIG, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match=r"full: '.*/certificate.json'"):
            certify(folder, rows=1)
    assert (folder / "store" / "certificate.json").read_bytes() == before
    assert not list((folder / "store").glob("*.tmp"))
    certify(folder, rows=1)
    assert written(folder)["rows"]["chosen"] == 1


def test_verify_and_the_reader_ignore_the_certificate(folder: Path) -> None:
    certify(folder)
    assert run_melmill("verify", folder / "store").exit_code == 0
    assert len(melmill.open(folder / "store")["train"]) == 3


def test_the_program_shows_the_certificate(folder: Path) -> None:
    certify(folder)
    text = run_melmill("info", folder / "store").stdout
    largest = certificate.short(written(folder)["difference"]["largest"])
    assert (
        f"\ncertified: 5 rows, largest difference {largest}, "
        f"transformers {transformers.__version__}\n"
    ) in text
