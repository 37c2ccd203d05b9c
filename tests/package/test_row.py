"""A row has what the program wrote."""

import contextlib
from pathlib import Path

import h5py
import melmill
import numpy as np
import pytest
import soundfile
from store_inputs import STORES
from store_job import Job
from store_reading import Access, assert_same_rows
from support import (
    Store,
    extract,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)

pytest_plugins = ["store_fixtures"]

EARLIER = STORES / "0.1.0-without-peaks"


def test_every_row_is_what_h5py_reads(
    store: melmill.Store, finished_job: Job
) -> None:
    assert len(list(finished_job.store.glob("train.*.h5"))) > 3
    assert_same_rows(store, finished_job.store)


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "u8"])
def test_a_raised_floor_is_applied(
    dtype: str, access: Access, tmp_path: Path
) -> None:
    # The loudest samples touch the end, so floor is above the stored values.
    clip = noise(8000, seed=1, level=1e-4)
    clip[-60:] = noise(60, seed=2, level=0.5)
    path = write_wav(tmp_path / "a.wav", clip, subtype="FLOAT")
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)])
    folder = tmp_path / "store"
    extract(folder, manifest, "--dtype", dtype)
    store = melmill.open(folder, access=access)
    row = store["a"][0]
    assert Store(folder).rows()[0].features.min() < row.features.min()
    assert not row.features.flags.writeable
    assert_same_rows(store, folder)


def test_mapped_features_are_views_that_cannot_be_changed(
    finished_job: Job,
) -> None:
    features = melmill.open(finished_job.store, access="mmap")["train"][
        0
    ].features
    assert features.base is not None
    with pytest.raises(ValueError, match="read-only"):
        features[0, 0] = 1


def test_files_may_be_open_elsewhere(finished_job: Job, access: Access) -> None:
    # HDF5 refuses a file that is open with another setting of its locks.
    paths = list(finished_job.store.glob("*.h5"))
    with contextlib.ExitStack() as stack:
        for path in paths:
            stack.enter_context(h5py.File(path))
        store = melmill.open(finished_job.store, access=access)
        assert_same_rows(store, finished_job.store)


@pytest.mark.parametrize(
    ("text", "language", "transcript"),
    [
        ("language English<asr_text>good day", "English", "good day"),
        ("language None<asr_text>good day", None, "good day"),
        ("language English<asr_text>", "English", ""),
        ("good day", None, "good day"),
        ("English<asr_text>good day", None, "good day"),
        ("language English<asr_text>a<asr_text>b", "English", "a<asr_text>b"),
    ],
)
def test_text_is_taken_apart(
    text: str, language: str | None, transcript: str, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "a.wav", noise(4000))
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path, text)])
    extract(tmp_path / "store", manifest)
    row = melmill.open(tmp_path / "store")["a"][0]
    assert (row.text, row.language, row.transcript) == (
        text,
        language,
        transcript,
    )
    pandas = pytest.importorskip("pandas")
    frame = row.split.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.transcript.tolist() == [transcript]


def test_prompts_kept_fields_and_repeated_lines(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(4000))
    line = {"audio": "a.wav", "text": "x", "prompt": "names", "speaker": 7}
    other = {"audio": "a.wav", "text": "y", "prompt": None}
    manifest = write_manifest(tmp_path / "a.jsonl", [line, other])
    store = tmp_path / "store"
    extract(store, manifest, "--audio-root", tmp_path, "--keep", "speaker")
    first, second = melmill.open(store)["a"]
    assert (first.prompt, first.kept) == ("names", {"speaker": 7})
    assert (second.prompt, second.kept) == ("", {"speaker": None})
    assert melmill.open(store).find("a.wav") == first


def test_peaks_are_those_of_the_audio(tmp_path: Path) -> None:
    quiet = noise(9_000, seed=1, level=0.01)
    clipped = (quiet * 100).clip(-1, 1)
    stereo = np.stack([quiet * 3, quiet[::-1] * 8], axis=1)
    loud = quiet.copy()
    loud[3_000] = -1.75
    write_wav(tmp_path / "clipped.wav", clipped)
    write_wav(tmp_path / "stereo.wav", stereo, 44_100, subtype="PCM_24")
    write_wav(tmp_path / "loud.wav", loud, 8_000, subtype="FLOAT")
    soundfile.write(tmp_path / "stereo.flac", stereo, 16_000)
    names = ["clipped.wav", "stereo.wav", "loud.wav", "stereo.flac"]
    rows = [manifest_row(name) for name in names]
    for name in ("loud.wav", "stereo.flac"):
        piece = {"start_sample": 3_001, "num_samples": 5_000}
        rows.append(manifest_row(name) | piece)
    write_manifest(tmp_path / "a.jsonl", rows)
    extract(tmp_path / "store", "a.jsonl", cwd=tmp_path)
    expected = []
    for row in rows:
        first = row.get("start_sample", 0)
        samples, _ = soundfile.read(
            tmp_path / str(row["audio"]),
            row.get("num_samples", -1),
            first,
            dtype="float32",
            always_2d=True,
        )
        expected.append(np.abs(samples.mean(1, dtype=np.float32)).max())
    split = melmill.open(tmp_path / "store")["a"]
    assert [row.peak for row in split] == expected
    assert split.peaks.tolist() == expected
    assert expected[0] == 1
    assert expected[2] == 1.75
    assert expected[4] < 0.1


def test_rows_of_before_have_no_peak(tmp_path: Path) -> None:
    folder = EARLIER / "qwen3_asr_f16"
    train = melmill.open(folder)["train"]
    assert train[0].peak is None
    assert np.isnan(train.peaks).all()
    assert_same_rows(melmill.open(folder), folder)


def test_features32_add_up_where_float16_overflows(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(16_000 * 60, np.float32))
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)])
    extract(tmp_path / "store", manifest)
    row = melmill.open(tmp_path / "store")["a"][0]
    assert row.features32.dtype == np.float32
    np.testing.assert_array_equal(row.features32, row.features)
    assert row.features32.sum() == -1.5 * 6000 * 128
    row.features32[:] = 0
    assert row.features[0, 0] == -1.5
