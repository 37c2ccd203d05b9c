"""Clips whose batches hold every way in which padding meets a clip's end."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import soundfile
from support import FloatArray, run_melmill, write_manifest, write_wav

BATCH_SIZE = 4
RATE_HZ = 16000
LONGEST = 24000  # samples

# A row a batch. By how many samples clips are shorter than the longest of the
# batch decides which of their frames know of the padding.
BATCHES = [
    [LONGEST, LONGEST, LONGEST, LONGEST],
    [LONGEST, LONGEST - 1, LONGEST - 41, LONGEST - 399],
    [LONGEST, LONGEST - 400, LONGEST - 8000, 201],
    [LONGEST - 7, LONGEST - 7 - 160, LONGEST - 7 - 200, 8000],
]
# Arguments of a training that is watched by the test alone.
QUIET_ON_CPU: dict[str, Any] = {
    "save_strategy": "no",
    "disable_tqdm": True,
    "use_cpu": True,
    "report_to": "none",
}
LOUD_ENDS = [LONGEST, LONGEST - 300, 16000, 12345]


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Clips of speech and their manifest, in batches."""

    folder: Path
    rows: list[dict[str, Any]]

    @property
    def manifest(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def paths(self) -> list[str]:
        return [str(row["audio"]) for row in self.rows]

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        starts = range(0, len(self.rows), BATCH_SIZE)
        return [self.rows[start : start + BATCH_SIZE] for start in starts]


def make_corpus(folder: Path, speech: Sequence[dict[str, str]]) -> Corpus:
    """Cuts clips from recordings, 8 kHz, of which the last batch is made."""
    samples = np.concatenate(
        [librosa.load(row["audio"], sr=RATE_HZ)[0] for row in speech]
    )
    clips = _cut(samples, [length for batch in BATCHES for length in batch])
    clips += [_with_loud_end(clip) for clip in _cut(samples, LOUD_ENDS)]
    paths = [
        write_wav(folder / f"{number:02}.wav", clip)
        for number, clip in enumerate(clips)
    ]
    paths += [Path(row["audio"]) for row in speech[:BATCH_SIZE]]
    texts = [row["text"] for row in speech]
    rows = [
        _row(number, path, texts[number % len(texts)])
        for number, path in enumerate(paths)
    ]
    write_manifest(folder / "train.jsonl", rows)
    return Corpus(folder, rows)


def copy_corpus(corpus: Corpus, folder: Path) -> Corpus:
    rows = []
    for number, row in enumerate(corpus.rows):
        path = folder / f"{number:02}.wav"
        shutil.copyfile(row["audio"], path)
        rows.append({**row, "audio": str(path)})
    write_manifest(folder / "train.jsonl", rows)
    return Corpus(folder, rows)


def make_store(
    corpus: Corpus, feature_type: str, *, preset: str = "qwen3-asr"
) -> Path:
    out = corpus.folder / f"{preset}-{feature_type}"
    run = run_melmill(
        *("extract", corpus.manifest, "--out", out),
        *("--dtype", feature_type, "--preset", preset),
    )
    assert run.exit_code == 0, run.stderr
    return out


def feature_tolerance(
    expected: npt.NDArray[Any], feature_type: str
) -> npt.NDArray[Any]:
    """2e-4, and half of what a type can tell apart at a value."""
    allowed = np.full(expected.shape, 2e-4)
    if feature_type == "f16":
        allowed += np.spacing(np.abs(expected).astype(np.float16)) / 2
    if feature_type == "u8":
        allowed += 0.003923
    if feature_type == "bf16":
        bits = np.abs(expected).astype(np.float32).view(np.uint32)
        bits &= np.uint32(0xFFFF0000)
        step = (bits + np.uint32(0x10000)).view(np.float32)
        allowed += (step - bits.view(np.float32)) / 2
    return allowed


def assert_same_batch(actual: Any, expected: Any, feature_type: str) -> None:
    """Two collated batches are what one store of this type may make of them."""
    assert list(actual) == list(expected)
    for name, wanted in expected.items():
        tensor = actual[name]
        assert (tensor.shape, tensor.dtype) == (wanted.shape, wanted.dtype)
        if name != "input_features":
            np.testing.assert_array_equal(tensor, wanted, err_msg=name)
    mask = expected["feature_attention_mask"].bool().unsqueeze(1)
    wanted = expected["input_features"]
    inside = mask.expand_as(wanted).numpy()
    features = actual["input_features"].numpy()[inside].astype(np.float64)
    wanted = wanted.numpy()[inside]
    difference = np.abs(features - wanted)
    assert (difference <= feature_tolerance(wanted, feature_type)).all(), (
        difference.max()
    )


def max_difference(losses: list[float], expected: list[float]) -> float:
    return float(np.abs(np.subtract(losses, expected)).max())


def _cut(samples: FloatArray, lengths: Sequence[int]) -> list[FloatArray]:
    """Pieces of speech, one behind the other; what is too short is repeated."""
    ends = np.cumsum(lengths)
    repeated = np.resize(samples, int(ends[-1]))
    return np.split(repeated, ends[:-1])


def _with_loud_end(clip: FloatArray) -> FloatArray:
    """Quiet but for the last samples, which alone decide the maximum."""
    changed = clip * 1e-3
    changed[-60:] = np.random.default_rng(1).uniform(-0.9, 0.9, 60)
    return changed


def _row(number: int, path: Path, text: str) -> dict[str, Any]:
    prompt = "names: Ångström, Zoë" if number % 3 == 0 else ""
    return {"audio": str(path), "text": text, "prompt": prompt}


def num_samples(path: str) -> int:
    """Samples of a clip at 16 kHz."""
    facts = soundfile.info(path)
    return int(np.ceil(facts.frames * (RATE_HZ / facts.samplerate)))
