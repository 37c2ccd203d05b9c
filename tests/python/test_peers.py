"""The pure parts of bench/studies: corpus, statistics, tables, checks."""

import json
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import speech_corpus
from common.markdown import TIMES, markdown
from common.statistics_of_runs import Measurement, Spread, ratio, speed
from pipelines.kernels import KernelRun, parse_melmill
from pipelines.peer_store import FeatureFile, num_frames_of, read_rows
from pipelines.pipeline import Pipeline, Reference, check
from pipelines.tables import Result, document, kernel_table, whole_way_table
from speech_corpus import FORMATS, MAX_DURATION_S, MIN_DURATION_S

SOURCE_HZ = speech_corpus.SOURCE_RATE_HZ


def lengths_of_two_languages() -> dict[str, list[tuple[int, int]]]:
    rng = np.random.default_rng(3)
    lengths = rng.integers(SOURCE_HZ // 4, 19 * SOURCE_HZ, 60).tolist()
    return {
        "language English": list(enumerate(lengths[:40])),
        "language French": list(enumerate(lengths[40:], start=40)),
    }


def speech(num_samples: int = 4 * SOURCE_HZ) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(5)
    return (0.1 * rng.standard_normal(num_samples)).astype(np.float32)


def test_utterances_have_the_durations_and_one_language_each() -> None:
    lengths = lengths_of_two_languages()
    of_number = {n: size for rows in lengths.values() for n, size in rows}
    wanted = 3600 * SOURCE_HZ
    utterances = speech_corpus.join(lengths, wanted, seed=1)
    for utterance in utterances:
        total = sum(of_number[number] for number in utterance.recordings)
        assert total == utterance.num_samples
        assert MIN_DURATION_S <= total / SOURCE_HZ <= MAX_DURATION_S
        assert len({number < 40 for number in utterance.recordings}) == 1
    total = sum(utterance.num_samples for utterance in utterances)
    assert wanted <= total < wanted + MAX_DURATION_S * SOURCE_HZ


def test_the_seed_alone_decides_what_is_joined() -> None:
    lengths = lengths_of_two_languages()
    first, again, other = (
        speech_corpus.join(lengths, 600 * SOURCE_HZ, seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_recordings_that_are_too_few_are_an_error() -> None:
    with pytest.raises(ValueError, match="too few"):
        speech_corpus.join({"language English": [(0, 10)]}, 1, seed=1)


@pytest.mark.parametrize("name", FORMATS)
def test_files_have_the_format_and_repeat(name: str, tmp_path: Path) -> None:
    audio_format = FORMATS[name]
    samples = speech()
    contents = []
    for index in range(2):
        path = tmp_path / f"{index}.wav"
        rng = np.random.default_rng(7)
        pcm = speech_corpus.convert(samples, audio_format, rng)
        speech_corpus.write_wav(path, pcm, audio_format)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    info = soundfile.info(tmp_path / "0.wav")
    assert info.samplerate == audio_format.rate_hz
    assert info.channels == audio_format.num_channels
    assert info.subtype == f"PCM_{audio_format.bits}"
    assert info.frames == 4 * audio_format.rate_hz
    stored, _ = soundfile.read(
        tmp_path / "0.wav", dtype="int32", always_2d=True
    )
    assert np.array_equal(stored >> (32 - audio_format.bits), pcm)


def test_the_low_bits_of_24_are_used_and_channels_differ() -> None:
    rng = np.random.default_rng(1)
    pcm = speech_corpus.convert(speech(), FORMATS["44k-pcm24"], rng)
    assert 0.45 < np.mean(pcm & 1) < 0.55
    assert len(np.unique(pcm & 0xFF)) == 256
    stereo = speech_corpus.convert(speech(), FORMATS["48k-stereo"], rng)
    left, right = stereo.T.astype(np.float64)
    assert not np.array_equal(left, right)
    # The second is a copy but for delay, level and noise.
    assert np.corrcoef(left[:-7], right[7:])[0, 1] > 0.99


def test_8_khz_recordings_are_kept_bit_for_bit() -> None:
    values = np.arange(-32768, 32768, 7)
    samples = (values / 32768).astype(np.float32)
    rng = np.random.default_rng(1)
    pcm = speech_corpus.convert(samples, FORMATS["8k"], rng)
    assert np.array_equal(pcm[:, 0], values)


@pytest.mark.parametrize(
    ("rate", "num_samples", "expected"),
    [(16000, 320, 2), (16000, 319, 1), (8000, 80, 1), (44100, 44100, 100),
     (44100, 438, 0), (44100, 441, 1), (48000, 479, 1)],
)  # fmt: skip
def test_frames_are_known_from_the_header(
    rate: int, num_samples: int, expected: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((num_samples, 2)), rate, "PCM_24")
    assert num_frames_of(str(path)) == expected


def test_a_peer_store_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frames = [3, 1, 7]
    rows = [4, 0, 2]
    written = [rng.random((128, n)).astype(np.float16) for n in frames]
    with FeatureFile(tmp_path / "a.h5", rows, frames) as store:
        for row, features in reversed(list(zip(rows, written, strict=True))):
            store.write(row, features)
        with pytest.raises(ValueError, match="shape"):
            store.write(4, written[1])
    num_rows, num_frames, found = read_rows(tmp_path, [0, 2])
    assert (num_rows, num_frames) == (3, 11)
    assert np.array_equal(found[0], written[1].T)
    assert np.array_equal(found[2], written[2].T)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["features"].dtype == np.float16


def peer(
    features: npt.NDArray[np.float16],
    num_rows: int = 9,
    num_frames: int = 50,
    max_extra_frames: int = 0,
) -> Pipeline:
    return Pipeline(
        name="peer",
        label="a peer",
        command=("run", "MANIFEST", "OUT"),
        read_rows=lambda folder, rows: (num_rows, num_frames, {3: features}),
        is_exact=True,
        fsyncs=False,
        max_extra_frames=max_extra_frames,
    )


def test_a_store_with_other_features_or_rows_does_not_count() -> None:
    folder = Path()
    expected = np.linspace(0, 1, 256, dtype=np.float32).reshape(2, 128)
    reference = Reference(9, 50, {3: expected})
    good = expected.astype(np.float16)
    assert check(peer(good), folder, reference, must_match=True) < 5e-4
    bad = good.copy()
    bad[1, 5] += np.float16(0.01)
    with pytest.raises(RuntimeError, match="is off by"):
        check(peer(bad), folder, reference, must_match=True)
    assert check(peer(bad), folder, reference, must_match=False) > 9e-3
    bad[1, 5] = np.nan
    with pytest.raises(RuntimeError, match="is off by"):
        check(peer(bad), folder, reference, must_match=True)
    with pytest.raises(RuntimeError, match="9 and 50"):
        check(peer(good, num_rows=8), folder, reference, must_match=True)
    with pytest.raises(RuntimeError, match="row 3"):
        check(peer(good[:1]), folder, reference, must_match=False)


def test_only_who_rounds_frames_up_may_have_more() -> None:
    expected = np.linspace(0, 1, 256, dtype=np.float32).reshape(2, 128)
    reference = Reference(9, 50, {3: expected})
    padded = np.vstack((expected, np.zeros((1, 128)))).astype(np.float16)
    assert check(peer(padded, 9, 59, 1), Path(), reference, True) < 5e-4
    for wrong in (
        peer(padded, 9, 50, 0),
        peer(padded[:2], 9, 51, 0),
        peer(padded[:2], 9, 60, 1),
        peer(padded[:2], 9, 49, 1),
        peer(np.vstack((padded, padded)), 9, 53, 1),
    ):
        with pytest.raises(RuntimeError, match="instead"):
            check(wrong, Path(), reference, must_match=True)


def test_the_command_gets_manifest_and_folder() -> None:
    command = peer(np.zeros((1, 128), np.float16)).command_for(
        Path("m.jsonl"), Path("out")
    )
    assert command == ["run", Path("m.jsonl"), Path("out")]


def measurement(pipeline: str, number: int, seconds: float) -> Measurement:
    return Measurement(
        pipeline=pipeline,
        label=f"the {pipeline}",
        audio_format="16k",
        cache="warm",
        round=number,
        seconds=seconds,
        audio_s=1000,
        cpu_s=seconds,
        max_rss_mb=number,
        foreign_cpu=0.01,
        max_difference=number * 1e-4,
    )


def test_speeds_are_medians_and_ratios_go_by_round() -> None:
    ours = [measurement("melmill", n, s) for n, s in [(1, 1), (2, 10), (3, 2)]]
    others = [measurement("peer", n, s) for n, s in [(1, 5), (2, 60), (3, 8)]]
    assert speed(ours) == Spread(median=500, low=100, high=1000)
    assert ratio(ours, others) == Spread(median=5, low=4, high=6)
    assert ratio(ours, others[:1]) == Spread(median=5, low=5, high=5)
    with pytest.raises(ValueError, match="no values"):
        Spread.of([])


def result() -> Result:
    return Result(
        machine={"CPU": "one"},
        format_labels={"16k": "16 kHz PCM16"},
        corpora={"16k": "3 utterances."},
        fsyncs={"melmill": True, "peer": False},
        measurements=[
            measurement(name, n, seconds * n)
            for n in (1, 2, 3)
            for name, seconds in (("melmill", 0.5), ("peer", 2))
        ],
        kernel_runs=[
            KernelRun("asrfront", 10, [1e-3, 3e-3, 2e-3]),
            KernelRun("melmill avx2", 10, [5e-4, 4e-4, 3e-4]),
        ],
        notes=["nothing was skipped."],
    )


def test_tables_show_medians_spreads_and_ratios() -> None:
    assert markdown(("a", "b"), [("x", "1")]) == (
        "| a | b |\n|---|---:|\n| x | 1 |"
    )
    lines = whole_way_table(result(), "16k", "warm").splitlines()
    assert lines[2].startswith("| the melmill | 1,000 | 667-2,000 | 1.00 |")
    assert lines[2].endswith("| 3 |  | 3.0e-04 | yes |")
    assert lines[3].startswith("| the peer | 250 | 167-500 | 4.00 |")
    assert f"| 4.00{TIMES} (4.00-4.00) |" in lines[3]
    assert lines[3].endswith("| no |")
    lines = kernel_table(result().kernel_runs).splitlines()
    assert lines[2] == "| asrfront | 200.0 | 100.0-300.0 |  |"
    assert lines[3] == (
        f"| melmill avx2 | 40.0 | 30.0-50.0 | 5.00{TIMES} (5.00-5.00) |"
    )


def test_kernels_of_melmill_are_the_rows_of_int16_that_passed() -> None:
    row = {
        "stage": "log-mel",
        "variant": "avx2",
        "input": "int16",
        "passed": True,
        "audio_seconds": 10,
        "seconds": [1e-3],
    }
    others = [
        {**row, "stage": "decode"},
        {**row, "input": "float32"},
        {**row, "passed": False},
    ]
    assert parse_melmill(json.dumps({"rows": [*others, row]})) == [
        KernelRun("melmill avx2", 10, [1e-3])
    ]


def test_results_survive_the_file_and_make_a_document(tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    result().write(path)
    assert Result.read(path) == result()
    text = document(Result.read(path))
    assert "### 16 kHz PCM16, warm\n\n3 utterances." in text
    assert "cold" not in text
    assert "Note: nothing was skipped." in text
