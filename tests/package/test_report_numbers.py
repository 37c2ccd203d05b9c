"""The numbers of melmill report are those of the rows, computed otherwise."""

import json
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from melmill._report.checks import checks
from melmill._report.clips import audio
from melmill._report.mel_sample import choose, read_sample
from melmill._report.report_command import main
from melmill._report.row_columns import RowColumns, read_columns
from melmill._report.summary import measures
from melmill._report.time_unit import unit_for
from store_inputs import STORES
from support import (
    extract,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

ENGLISH = "language English<asr_text>"
GERMAN = "language German<asr_text>"
TEN_LETTERS = "ten letter"
NUM_PLAIN = 24
SECOND = 16_000
FULL_SCALE = 32_767 / 32_768


def write_clips(folder: Path) -> list[dict[str, object]]:
    """24 rows that are alike, and some that are not; the names say how."""
    rows = []
    for number in range(NUM_PLAIN):
        samples = noise(SECOND + 80 * number, number)
        write_wav(folder / f"plain{number}.wav", samples)
        rows.append(manifest_row(f"plain{number}.wav", ENGLISH + TEN_LETTERS))
    half_silent = noise(SECOND, 30)
    # A weak tone is no silence, though most of its mels are empty.
    tone = np.sin(np.arange(SECOND // 4) * (2 * np.pi / 16))
    half_silent[: SECOND // 4] = 2e-3 * tone
    half_silent[SECOND // 2 :] *= 1e-3
    loud = noise(SECOND, 31)
    loud[500] = -1.5
    odd = {
        "long.wav": (noise(31 * 8_000, 32), 8_000, "PCM_16"),
        "zeros.wav": (np.zeros(SECOND, np.float32), SECOND, "PCM_16"),
        "clipped.wav": (noise(SECOND, 33, 5.0), SECOND, "PCM_16"),
        "half_silent.wav": (half_silent, SECOND, "FLOAT"),
        "loud.wav": (loud, SECOND, "FLOAT"),
    }
    for name, (samples, rate, subtype) in odd.items():
        write_wav(folder / name, samples, rate, subtype=subtype)
        rows.append(manifest_row(name, ENGLISH + TEN_LETTERS))
    write_wav(folder / "wordy.wav", noise(SECOND, 34))
    rows.append(manifest_row("wordy.wav", ENGLISH + "w" * 300))
    write_wav(folder / "german.wav", noise(SECOND, 35))
    rows.append(manifest_row("german.wav", GERMAN + "w" * 300))
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    rows = write_clips(folder)
    # The first two rows of train again, the second of them twice.
    again = [
        manifest_row(str(rows[at]["audio"]), "other words") for at in (0, 1, 1)
    ]
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "eval.jsonl", again)
    extract(folder / "store", "train.jsonl", "eval.jsonl", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def numbers(folder: Path) -> dict[str, Any]:
    return numbers_of(folder / "store", folder / "a.json", "--all")


@pytest.fixture(scope="module")
def columns(folder: Path) -> RowColumns:
    return read_columns(melmill.open(folder / "store"), lambda _: None)


def numbers_of(store: Path, out: Path, *flags: str) -> dict[str, Any]:
    assert main([str(store), "--json", "-q", "-o", str(out), *flags]) == 0
    numbers: dict[str, Any] = json.loads(out.read_text())
    return numbers


def page_of(store: Path, out: Path, *flags: str) -> str:
    assert main([str(store), "-q", "-o", str(out), *flags]) == 0
    return out.read_text()


def measure_of(numbers: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [m for m in numbers["measures"] if m["name"] == name]
    return found


def outliers_of(numbers: dict[str, Any], name: str) -> dict[str, list[str]]:
    """The audio of the low and of the high outliers that are named."""
    ends = measure_of(numbers, name)["outliers"]
    for end in ends.values():
        assert end["num_rows"] == len(end["rows"])
    return {
        end: [row["audio"] for row in found["rows"]]
        for end, found in ends.items()
    }


def verdict_of(numbers: dict[str, Any], title: str) -> tuple[str, str]:
    (found,) = [c for c in numbers["checks"] if c["title"] == title]
    return found["verdict"], found["text"]


def features_of(folder: Path, split: str) -> list[npt.NDArray[np.float64]]:
    store = melmill.open(folder / "store")
    return [row.features.astype(np.float64) for row in store[split]]


def test_quantiles_and_histograms_are_those_of_the_rows(
    folder: Path, numbers: dict[str, Any]
) -> None:
    store = melmill.open(folder / "store")
    level_db = [10 * row.body_max for row in store["train"]]
    for name, values in (
        ("Duration", store["train"].durations_s),
        ("Level", np.array(level_db)),
    ):
        measure = measure_of(numbers, name)
        assert measure["quantiles"]["train"] == pytest.approx(
            np.quantile(values, (0, 0.01, 0.25, 0.5, 0.75, 0.99, 1))
        )
        edges = np.array(measure["edges"])
        assert edges[0] == pytest.approx(np.quantile(values, 0.001), rel=0.02)
        inner = (values >= edges[10]) & (values < edges[20])
        counts = measure["counts"]["train"]
        assert sum(counts[10:20]) == inner.sum()
        # The first and the last also count what is beyond.
        assert sum(counts) == len(values)
        assert counts[0] >= 1
        assert counts[-1] >= 1


def test_outliers_are_named(numbers: dict[str, Any]) -> None:
    assert outliers_of(numbers, "Duration") == {"low": [], "high": ["long.wav"]}
    # Noise at 8 kHz has its power in half as many mels.
    assert outliers_of(numbers, "Level") == {
        "low": ["zeros.wav"],
        "high": ["clipped.wav", "long.wav"],
    }
    # Languages with few rows have no outliers of their own.
    assert outliers_of(numbers, "Characters per second")["high"] == [
        "wordy.wav"
    ]
    assert outliers_of(numbers, "Silence")["high"] == ["half_silent.wav"]
    low, high = outliers_of(numbers, "Peak").values()
    assert low == ["zeros.wav"]
    assert high[:1] == ["loud.wav"]
    assert verdict_of(numbers, "Outliers")[0] == "look"


def test_outliers_are_beyond_three_interquartile_ranges(
    columns: RowColumns,
) -> None:
    sample = read_sample(columns, np.zeros(0, np.int64), lambda _: None)
    duration_s = columns.duration_s
    third = np.quantile(duration_s, 0.75)
    reach = 3 * (third - np.quantile(duration_s, 0.25))
    at = int(np.argmax(duration_s))
    kept = duration_s[at]
    try:
        for excess, is_one in ((-1e-3, False), (1e-3, True)):
            duration_s[at] = third + reach + excess
            found = measures(columns, sample)[0]["outliers"]["high"]
            assert [row["place"] for row in found["rows"]] == [at] * is_one
    finally:
        duration_s[at] = kept


def test_mels_are_the_moments_of_all_frames(
    folder: Path, numbers: dict[str, Any]
) -> None:
    assert list(numbers["mels"]) == ["train", "eval"]
    for split, found in numbers["mels"].items():
        rows = features_of(folder, split)
        frames = np.concatenate(rows)
        assert found["num_rows"] == len(rows)
        assert found["num_frames"] == len(frames)
        assert found["mean"] == pytest.approx(frames.mean(0), abs=1e-6)
        assert found["spread"] == pytest.approx(frames.std(0), abs=1e-6)


def test_silence_is_the_share_of_quiet_frames(
    folder: Path, numbers: dict[str, Any]
) -> None:
    shares = []
    for features in features_of(folder, "train"):
        loudest = 10 * (4 * features.max(1) - 4)  # dB
        shares.append(100 * (loudest < loudest.max() - 40).mean())
    quantiles = measure_of(numbers, "Silence")["quantiles"]["train"]
    assert quantiles[0] == pytest.approx(min(shares))
    assert quantiles[3] == pytest.approx(np.median(shares))
    assert quantiles[-1] == pytest.approx(max(shares))
    assert 45 < max(shares) < 52


def test_a_sample_is_drawn_of_each_split_with_a_seed(
    columns: RowColumns,
) -> None:
    num_train = columns.slice_of("train").stop
    places = choose(columns, 5, 0).tolist()
    assert places == sorted(set(places))
    assert sum(place < num_train for place in places) == 5
    assert places[5:] == list(range(num_train, num_train + 3))
    assert choose(columns, 5, 0).tolist() == places
    assert choose(columns, 5, 1).tolist() != places
    assert choose(columns, None, 0).tolist() == list(range(len(columns)))


def test_shares_of_long_silent_and_narrow_rows(numbers: dict[str, Any]) -> None:
    num_rows = numbers["num_rows"]
    for name in ("long", "silent", "narrow"):
        assert numbers[name] == {"num_rows": 1, "of_rows": num_rows}
    assert verdict_of(numbers, "Rows over 30 s")[0] == "look"
    assert verdict_of(numbers, "Audio below 16 kHz")[0] == "look"
    assert verdict_of(numbers, "Rows without sound") == (
        "look",
        f"1 of {num_rows} rows; their loudest mel power is below -60 dB; all "
        "samples of 1 of them are 0.",
    )


def test_clipped_rows_are_counted_and_named(numbers: dict[str, Any]) -> None:
    clipping = numbers["clipping"]
    assert clipping["full_scale"] == FULL_SCALE
    assert clipping["num_rows"] == numbers["num_rows"]
    assert (clipping["num_clipped"], clipping["num_zeros"]) == (2, 1)
    assert clipping["num_without_peak"] == 0
    rates = {e["name"]: e["splits"] for e in clipping["by_source_rate"]}
    num_train = NUM_PLAIN + 7
    assert rates == {
        "all rates": {
            "train": {"rows": num_train, "clipped": 2},
            "eval": {"rows": 3, "clipped": 0},
        },
        "8,000 Hz": {
            "train": {"rows": 1, "clipped": 0},
            "eval": {"rows": 0, "clipped": 0},
        },
        "16,000 Hz": {
            "train": {"rows": num_train - 1, "clipped": 2},
            "eval": {"rows": 3, "clipped": 0},
        },
    }
    worst = clipping["worst"]["rows"]
    assert [(row["audio"], row["value"]) for row in worst] == [
        ("loud.wav", 1.5),
        ("clipped.wav", 1.0),
    ]
    assert verdict_of(numbers, "Clipping") == (
        "look",
        f"2 of {numbers['num_rows']} rows reach full scale.",
    )


@pytest.mark.parametrize(
    ("num_clipped", "verdict"), [(0, "good"), (10, "good"), (11, "look")]
)
def test_one_clipped_row_of_a_hundred_is_no_finding(
    num_clipped: int, verdict: str, numbers: dict[str, Any]
) -> None:
    clipping = numbers["clipping"] | {
        "num_rows": 1000,
        "num_clipped": num_clipped,
    }
    found = {"checks": checks(numbers | {"clipping": clipping})}
    assert verdict_of(found, "Clipping")[0] == verdict


@pytest.mark.parametrize(
    ("sample", "is_clipped"), [(32_767, True), (-32_767, True), (32_766, False)]
)
def test_full_scale_is_the_largest_16_bit_sample(
    sample: int, is_clipped: bool, tmp_path: Path
) -> None:
    samples = np.zeros(8_000, np.int16)
    samples[4_000] = sample
    soundfile.write(tmp_path / "a.wav", samples, SECOND)
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    numbers = numbers_of(tmp_path / "store", tmp_path / "a.json")
    assert numbers["clipping"]["num_clipped"] == is_clipped


def test_a_store_without_peaks_says_so_in_one_line(tmp_path: Path) -> None:
    store = STORES / "0.1.0-without-peaks" / "qwen3_asr_f16"
    numbers = numbers_of(store, tmp_path / "a.json")
    assert numbers["clipping"]["num_rows"] == 0
    assert numbers["clipping"]["num_without_peak"] == numbers["num_rows"]
    assert "Peak" not in [m["name"] for m in numbers["measures"]]
    unknown = "he store was made before melmill kept peaks"
    assert verdict_of(numbers, "Clipping") == (
        "good",
        f"Not known: t{unknown}.",
    )
    page = page_of(store, tmp_path / "a.html")
    assert f"T{unknown}, so clipping is not known." in page
    assert "Rows at full scale" not in page


def test_transcripts_are_counted(numbers: dict[str, Any]) -> None:
    assert numbers["texts"] == {
        "num_rows": NUM_PLAIN + 10,
        "num_without_transcript": 0,
        "num_without_language": 3,
    }
    languages = {
        e["name"]: e["splits"]["train"]["rows"]
        for e in numbers["hours"]["by_language"]
    }
    # Most hours first.
    assert list(languages) == ["English", "none named", "German"]
    assert languages == {
        "English": NUM_PLAIN + 6,
        "none named": 0,
        "German": 1,
    }
    # Some rows name a language, and some do not.
    assert verdict_of(numbers, "Transcripts")[0] == "look"
    speed = measure_of(numbers, "Characters per second")["quantiles"]["train"]
    assert speed[3] == pytest.approx(10, rel=0.1)
    assert speed[-1] == pytest.approx(300)


def test_a_store_without_transcripts(tmp_path: Path) -> None:
    for number in range(2):
        write_wav(tmp_path / f"{number}.wav", noise(8_000, number))
    rows = [{"audio": f"{number}.wav"} for number in range(2)]
    write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", "train.jsonl", "--no-text", cwd=tmp_path)
    numbers = numbers_of(tmp_path / "store", tmp_path / "a.json")
    assert numbers["texts"]["num_without_transcript"] == 2
    assert verdict_of(numbers, "Transcripts") == (
        "look",
        "2 of 2 rows have no transcript, 2 name no language.",
    )
    speed = measure_of(numbers, "Characters per second")
    assert speed["counts"] == speed["quantiles"] == {}
    # Rows without words are no repeats of each other.
    same = numbers["repeats"]["same transcript"]
    assert same["in_one_split"]["num_rows"] == 0
    page = page_of(tmp_path / "store", tmp_path / "a.html")
    assert "No rows have it." in page
    assert "(no transcript)" in page
    assert verdict_of(numbers, "Splits")[0] == "look"
    assert "train, seconds" in page
    assert "<h2>Seconds</h2>" in page


def test_a_store_without_rows(tmp_path: Path) -> None:
    samples = noise(8_000)
    samples[100] = np.nan  # which only the extraction finds
    write_wav(tmp_path / "a.wav", samples, subtype="FLOAT")
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    flags = ("--max-rejects", "100%", "--out", tmp_path / "store")
    run_melmill("extract", "train.jsonl", *flags, cwd=tmp_path)
    numbers = numbers_of(tmp_path / "store", tmp_path / "a.json")
    assert numbers["num_rows"] == 0
    assert numbers["mels"] == {}
    assert numbers["clips"] == {"typical": [], "suspicious": []}
    assert verdict_of(numbers, "Rejected lines") == (
        "look",
        "1 of 1 lines are not in the store.",
    )
    assert verdict_of(numbers, "Splits") == (
        "look",
        "These splits have no rows: train.",
    )
    assert verdict_of(numbers, "Clipping") == ("good", "No rows.")
    page = page_of(tmp_path / "store", tmp_path / "a.html")
    assert page.count("The store has no rows.") == 2
    assert page.count("There are none.") == 2


def test_rejects_are_counted_by_their_codes(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(8_000))
    write_wav(tmp_path / "short.wav", noise(100))
    names = ["short.wav", *(f"missing{number}.wav" for number in range(4))]
    rows = [manifest_row(name) for name in ["a.wav", *names]]
    write_manifest(tmp_path / "train.jsonl", rows)
    flags = ("--max-rejects", "100%", "--out", tmp_path / "store")
    run_melmill("extract", "train.jsonl", *flags, cwd=tmp_path)
    rejects = numbers_of(tmp_path / "store", tmp_path / "a.json")["rejects"]
    assert (rejects["num_lines"], rejects["num_rejected"]) == (6, 5)
    assert rejects["num_missing"] == 0
    found = [(r["code"], r["num_lines"]) for r in rejects["reasons"]]
    assert found == [("not_found", 4), ("too_short", 1)]
    examples = rejects["reasons"][0]["examples"]
    assert [e["audio"] for e in examples] == names[1:4]
    assert [e["line"] for e in examples] == [3, 4, 5]


def test_leaks_and_repeats(numbers: dict[str, Any]) -> None:
    for same in ("same audio", "same samples"):
        found = numbers["repeats"][same]
        between, within = found["between_splits"], found["in_one_split"]
        assert (between["num_groups"], between["num_rows"]) == (2, 5)
        largest = between["examples"][0]
        assert largest["num_rows"] == 3
        # One of each split comes first.
        splits = [row["split"] for row in largest["rows"]]
        assert splits == ["train", "eval", "eval"]
        assert (within["num_groups"], within["num_rows"]) == (1, 2)
        assert [row["split"] for row in within["examples"][0]["rows"]] == [
            "eval",
            "eval",
        ]
    assert verdict_of(numbers, "Leaks between splits")[0] == "look"
    assert verdict_of(numbers, "Repeats in a split") == (
        "look",
        "2 rows have the same samples as another of their split.",
    )
    words = numbers["repeats"]["same transcript"]
    assert words["between_splits"]["num_groups"] == 0
    assert words["in_one_split"]["num_groups"] == 3


def test_clips_are_chosen(numbers: dict[str, Any]) -> None:
    typical = numbers["clips"]["typical"]
    assert len(typical) == 4
    assert all(row["audio"].startswith("plain") for row in typical)
    suspicious = {
        row["audio"]: row["why"] for row in numbers["clips"]["suspicious"]
    }
    assert {
        "long.wav",
        "zeros.wav",
        "clipped.wav",
        "wordy.wav",
        "half_silent.wav",
    } <= set(suspicious)
    assert suspicious["long.wav"].startswith("Duration: 31 s; ")
    assert suspicious["zeros.wav"].startswith("Level: -100 dB; peak: -120 dB")


def test_mels_of_splits_that_differ_are_a_finding(
    numbers: dict[str, Any],
) -> None:
    base = {"mean": [0.0, 1.0], "spread": [0.5, 0.1]}
    for mean, verdict, far in (
        ([0.2, 1.0], "good", "0.40"),
        ([0.0, 1.06], "look", "0.60"),
    ):
        mels = {"train": base, "eval": base | {"mean": mean}}
        found = {"checks": checks(numbers | {"mels": mels})}
        got, text = verdict_of(found, "Sound of the splits")
        assert got == verdict
        assert f"of eval and of train differ by {far} standard" in text


def test_only_small_whole_files_are_played(tmp_path: Path) -> None:
    long_s = 20  # more than 600,000 bytes
    write_wav(tmp_path / "big.wav", noise(long_s * SECOND))
    write_wav(tmp_path / "small.wav", noise(2 * SECOND))
    soundfile.write(tmp_path / "a.flac", noise(SECOND), SECOND)
    soundfile.write(tmp_path / "a.aiff", noise(SECOND), SECOND)
    piece = {"start_sample": 100, "num_samples": SECOND}
    rows = [manifest_row("small.wav"), manifest_row("a.flac")]
    rows += [manifest_row("big.wav"), manifest_row("a.aiff")]
    rows.append(manifest_row("small.wav") | piece)
    write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    store = melmill.open(tmp_path / "store", audio_root=tmp_path)
    columns = read_columns(store, lambda _: None)
    sounds = [audio(columns, place) for place in range(len(rows))]
    kinds = [sound and sound.partition(";")[0] for sound in sounds]
    assert kinds == ["data:audio/wav", "data:audio/flac", None, None, None]


@pytest.mark.parametrize(
    ("hours", "name", "time"),
    [
        (2.0, "hours", 2),
        (1.0, "hours", 1),
        (0.5, "minutes", 30),
        (0.01, "seconds", 36),
        (0, "seconds", 0),
    ],
)
def test_short_times_have_smaller_units(
    hours: float, name: str, time: float
) -> None:
    unit = unit_for(hours)
    assert unit.name == name
    assert unit.of_hours(hours) == pytest.approx(time)


def test_the_page_has_a_table_behind_each_picture(
    folder: Path, tmp_path: Path
) -> None:
    page = page_of(folder / "store", tmp_path / "a.html")
    assert "train, minutes" in page
    plots = page.count("data:image/svg+xml")
    assert plots == 3 + 5 + 1 + 1  # hours, measures, clipping, mels
    assert page.count("<summary>Table</summary>") == plots
    assert "Rows at full scale: 2" in page
    assert page.count("<img") == page.count(" alt=")


def test_a_certificate_is_shown(folder: Path, tmp_path: Path) -> None:
    path = folder / "store" / "certificate.json"
    content = {
        "verdict": "pass",
        "rows": {"chosen": 7},
        "difference": {"largest": 0.00049},
    }
    try:
        path.write_text(json.dumps(content))
        numbers = numbers_of(folder / "store", tmp_path / "a.json")
        assert numbers["certificates"] == [
            {"verdict": "pass", "num_rows": 7, "largest_difference": 0.00049}
        ]
        for other in ("no JSON", "[1]", "{}", '{"verdict": "pass"}'):
            path.write_text(other)
            numbers = numbers_of(folder / "store", tmp_path / "a.json")
            assert numbers["certificates"] == []
    finally:
        path.unlink()


def test_a_damaged_store_ends_with_1(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(8_000))
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    (shard,) = (tmp_path / "store").glob("train.????????????.h5")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    out = tmp_path / "a.html"
    out.write_text("what was there")
    assert main([str(tmp_path / "store"), "-q", "-o", str(out)]) == 1
    assert out.read_text() == "what was there"
