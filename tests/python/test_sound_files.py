"""Formats other than WAV: lengths, samples, features, damage.

The files are drawn at random from a seed (sound_files.py). MELMILL_SOUND_FILES
sets their number, of which a full check takes 1,540 or more; MELMILL_SOUND_SEED
sets the seed.
"""

import collections
import dataclasses
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import reference
import soundfile
from sound_files import MAKERS, SoundFile, make_files
from support import (
    ANY_REJECTS,
    RecordProperty,
    Store,
    manifest_row,
    melmill_path,
    run_melmill,
    write_manifest,
)

NUM_FILES = int(os.environ.get("MELMILL_SOUND_FILES", "132"))
SEED = int(os.environ.get("MELMILL_SOUND_SEED", "20261"))
CODED = ("flac", "mp3", "mp3_without_tag", "vorbis", "opus")
NUM_CUTS = 64
# Of two builds of libvorbis; see docs/numerics.md.
MAX_VORBIS_SAMPLE_DIFFERENCE = 1e-6
# Of features; Vorbis and resampled sound are allowed twice as much.
MAX_DIFFERENCE = 1e-4

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What the program makes of a file's samples."""

    rate: int
    num_samples: int  # as the header counts them
    outcome: str  # "ok", or a code and a message
    samples: Floats  # mono

    @property
    def code(self) -> str:
        return self.outcome.split(" ")[0]


def decode(paths: Iterable[Path], folder: Path) -> list[Decoded]:
    folder.mkdir()
    done = subprocess.run(
        [Path(melmill_path()).parents[1] / "tests" / "decode_samples", folder],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        check=True,
    )
    # No library prints, whatever it is given.
    assert done.stderr == ""
    decoded = []
    for number, line in enumerate(done.stdout.splitlines()):
        rate, _, num_samples, outcome = line.split(" ", 3)
        samples = np.fromfile(folder / str(number), np.float32)
        decoded.append(Decoded(int(rate), int(num_samples), outcome, samples))
    return decoded


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[SoundFile]:
    folder = tmp_path_factory.mktemp("sound")
    return list(make_files(folder, NUM_FILES, SEED))


@pytest.fixture(scope="module")
def decoded(
    files: list[SoundFile], tmp_path_factory: pytest.TempPathFactory
) -> list[Decoded]:
    folder = tmp_path_factory.mktemp("decoded") / "samples"
    return decode((file.path for file in files), folder)


def load(path: Path) -> tuple[Floats, float]:
    """A file's samples as librosa gives them, mono, at its own rate."""
    samples, rate = librosa.load(path, sr=None, mono=True)
    return samples, rate


def test_lengths_and_samples_are_those_of_librosa(
    files: list[SoundFile],
    decoded: list[Decoded],
    record_property: RecordProperty,
) -> None:
    counts: collections.Counter[str] = collections.Counter()
    for file, ours in zip(files, decoded, strict=True):
        where = f"{file.path}: {file.command}: {ours.outcome}"
        theirs, rate = load(file.path)
        if ours.code == "reference_cuts":
            assert file.kind == "mp3_without_tag", where
            found = re.search(r"only (\d+) of its (\d+) samples", ours.outcome)
            assert found is not None, where
            assert int(found[1]) == len(theirs) < int(found[2]), where
            counts["reference_cuts"] += 1
            continue
        assert ours.code == "ok", where
        assert ours.rate == rate, where
        assert ours.num_samples == len(ours.samples) == len(theirs), where
        if file.kind == "vorbis":
            difference = float(np.abs(ours.samples - theirs).max())
            assert difference <= MAX_VORBIS_SAMPLE_DIFFERENCE, where
        else:
            assert np.array_equal(ours.samples, theirs), where
        counts[file.kind] += 1
    assert set(counts) >= {kind for kind, _, _ in MAKERS}
    for kind, count in counts.items():
        record_property(kind, count)


def test_features_are_those_of_the_reference(
    files: list[SoundFile],
    decoded: list[Decoded],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    manifest = write_manifest(
        tmp_path / "train.jsonl", [manifest_row(file.path) for file in files]
    )
    run = run_melmill(
        *("extract", manifest, *ANY_REJECTS, "--dtype", "f32"),
        *("--out", tmp_path / "store"),
    )
    assert run.exit_code == 0, run.stderr
    num_tagless = sum(
        file.kind == "mp3_without_tag" and ours.code == "ok"
        for file, ours in zip(files, decoded, strict=True)
    )
    warned = re.search(r"warning: (\d+) MP3 files without a count", run.text)
    assert warned is not None
    assert int(warned[1]) >= num_tagless > 0
    store = Store(tmp_path / "store")
    refused = [
        number + 1
        for number, ours in enumerate(decoded)
        if ours.code == "reference_cuts"
    ]
    assert [reject["line"] for reject in store.rejects()] == refused
    assert {reject["code"] for reject in store.rejects()} <= {"reference_cuts"}
    worst: dict[str, float] = collections.defaultdict(float)
    for row in store.rows():
        file, ours = files[row.line - 1], decoded[row.line - 1]
        expected = reference.single(reference.load(file.path))
        assert row.single.shape == expected.shape, file
        difference = float(np.abs(row.single - expected).max())
        is_as_it_was = ours.rate == reference.RATE and file.kind != "vorbis"
        limit = MAX_DIFFERENCE if is_as_it_was else 2 * MAX_DIFFERENCE
        assert difference <= limit, file
        worst[file.kind] = max(worst[file.kind], difference)
    for kind, difference in worst.items():
        record_property(kind, difference)


def damaged(content: bytes, random: np.random.Generator) -> dict[str, bytes]:
    """Every kind of damage: names and contents."""
    size = len(content)
    middle = size // 2
    gap = min(4096, size // 4)
    rubbish = random.integers(0, 256, gap).astype(np.uint8).tobytes()
    flipped = bytearray(content)
    flipped[int(random.integers(size // 4, size))] ^= 0x10
    found = {
        "flipped": bytes(flipped),
        "missing": content[:middle] + content[middle + gap :],
        "overwritten": content[:middle] + rubbish + content[middle + gap :],
        "zeroed": content[:middle] + bytes(gap) + content[middle + gap :],
        "twice": content + content,
        "end_gone": content[:-10],
        "more_behind": content + bytes(9000),
    }
    for cut in range(NUM_CUTS):
        found[f"cut_{cut}"] = content[: size * cut // NUM_CUTS]
    return found


@pytest.mark.parametrize("kind", CODED)
def test_damage_is_rejected_or_changes_nothing(
    kind: str,
    files: list[SoundFile],
    decoded: list[Decoded],
    tmp_path: Path,
) -> None:
    """But for what neither the coding nor a count can show.

    These are a flipped byte inside an MP3 frame, and an MP3 without a tag that
    lost whole frames or is followed by another one.
    """
    whole = [
        (file, ours)
        for file, ours in zip(files, decoded, strict=True)
        if file.kind == kind and ours.code == "ok"
    ]
    num_wanted = max(2, NUM_FILES // 100)
    whole.sort(key=lambda pair: pair[0].path.stat().st_size)
    chosen = whole[len(whole) // 2 :][:num_wanted]
    assert len(chosen) == num_wanted
    changes: list[tuple[Path, str, bool, Floats]] = []
    random = np.random.default_rng(SEED)
    for file, ours in chosen:
        content = file.path.read_bytes()
        # lame leaves out the tag where it does not fit into a frame.
        has_tag = b"Xing" in content[:4000] or b"Info" in content[:4000]
        for name, changed in damaged(content, random).items():
            path = tmp_path / f"{len(changes)}.wav"
            path.write_bytes(changed)
            changes.append((path, name, has_tag, ours.samples))
    outcomes = decode((change[0] for change in changes), tmp_path / "samples")
    assert sum(ours.code == "ok" for ours in outcomes) < len(outcomes) / 4
    for (path, name, has_tag, good), ours in zip(
        changes, outcomes, strict=True
    ):
        if ours.code != "ok" or np.array_equal(ours.samples, good):
            continue
        where = f"{path}, {name}"
        assert kind.startswith("mp3"), where
        if name == "flipped":
            assert len(ours.samples) == len(good), where
            continue
        assert not has_tag, where
        assert name != "overwritten", where
        assert (len(ours.samples) - len(good)) % 576 == 0, where
        assert np.array_equal(ours.samples, load(path)[0]), where


def test_a_file_may_have_any_name(
    files: list[SoundFile], tmp_path: Path
) -> None:
    rows = []
    for number, file in enumerate(files[: len(MAKERS)]):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(file.path.read_bytes())
        rows.append(manifest_row(path))
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    store = tmp_path / "store"
    run = run_melmill("extract", manifest, *ANY_REJECTS, "--out", store)
    assert run.exit_code == 0, run.stderr
    codes = {reject["code"] for reject in Store(store).rejects()}
    assert codes <= {"reference_cuts"}
    assert len(Store(store).rows()) >= len(MAKERS) - 2


def test_threads_make_no_difference(
    files: list[SoundFile], tmp_path: Path
) -> None:
    manifest = write_manifest(
        tmp_path / "train.jsonl", [manifest_row(f.path) for f in files[:44]]
    )
    made = []
    for threads in ("1", "4"):
        store = tmp_path / threads
        run = run_melmill(
            *("extract", manifest, *ANY_REJECTS, "--threads", threads),
            *("--shard-size", "1MiB", "--out", store),
        )
        assert run.exit_code == 0, run.stderr
        names = sorted(path.name for path in store.glob("[!.]*"))
        made.append({name: (store / name).read_bytes() for name in names})
    assert made[0] == made[1]


def test_replaced_sound_of_the_same_size_is_seen(tmp_path: Path) -> None:
    """The plan sees no difference, but the hash of the coded bytes does."""
    path = tmp_path / "a.flac"
    time = np.arange(16000) / 16000
    soundfile.write(path, 0.5 * np.sin(time * 900), 16000, format="FLAC")
    manifest = write_manifest(tmp_path / "train.jsonl", [manifest_row(path)])
    store = tmp_path / "store"
    run = run_melmill("extract", manifest, "--out", store)
    assert run.exit_code == 0, run.stderr
    content = bytearray(path.read_bytes())
    # A comment of the file: other bytes, and the same sound.
    place = content.index(b"libFLAC")
    content[place : place + 7] = b"anybody"
    path.write_bytes(content)
    run = run_melmill("extract", manifest, "--out", store)
    assert run.exit_code != 0
    assert "a.flac" in run.text
