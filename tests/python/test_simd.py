"""The log-mel paths of --simd: what is equal, and how close the rest is."""

import json
import platform
from pathlib import Path

import numpy as np
import pytest
from support import (
    NOT_OF_THE_STORE,
    RecordProperty,
    Store,
    extract,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

# Against the double precision path, of real speech. Without fused
# multiply-adds every product is rounded once more.
MAX_DIFFERENCE = 5e-5
MAX_DIFFERENCE_OF_SSE4 = 1e-4
MAX_RMS = 1e-6
# Noise has a null in a filter of one bin now and then.
MAX_DIFFERENCE_OF_NOISE = 2e-4

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"]


def simd_targets() -> list[str]:
    """The SIMD targets of this machine, best first."""
    run = run_melmill("validate", "x.jsonl", "--simd", "nothing")
    assert run.exit_code == 2
    names = run.stderr.split("this machine has ")[1].split(";")[0].split(", ")
    assert run.stderr.endswith("; write one of these, auto or none\n")
    return names


def store_bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name not in NOT_OF_THE_STORE
    }


def producer(folder: Path) -> dict[str, object]:
    index = json.loads((folder / "store.json").read_text())
    found: dict[str, object] = index["producer"]
    return found


def test_there_are_targets_here() -> None:
    targets = simd_targets()
    expected = {"x86_64": "sse4", "aarch64": "neon"}
    assert expected[platform.machine()] in targets


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_targets_that_fuse_make_the_same_store_of_all_speech(
    dtype: str, quickstart_manifests: Path, tmp_path: Path
) -> None:
    manifests = [quickstart_manifests / f"{n}.jsonl" for n in ("train", "eval")]
    fusing = [name for name in simd_targets() if name != "sse4"]
    if len(fusing) < 2:
        pytest.skip("this machine has one such target")
    stores = []
    for name in ["auto", *fusing]:
        options = ("--dtype", dtype, "--simd", name, "--threads", "2")
        extract(tmp_path / name, *manifests, *options)
        stores.append(store_bytes(tmp_path / name))
        assert producer(tmp_path / name)["log_mel"] == "simd 1 fma"
    for store in stores[1:]:
        assert store == stores[0]


def test_every_target_is_close_to_double_precision_on_all_speech(
    quickstart_manifests: Path, tmp_path: Path, record_property: RecordProperty
) -> None:
    manifest = quickstart_manifests / "train.jsonl"
    options = ("--dtype", "f32", "--resampler", "soxr")  # log-mel alone
    exact = extract(tmp_path / "none", manifest, *options, "--simd", "none")
    # One of those that give the same bytes, and the other one.
    names = simd_targets()
    for name in {names[0], names[-1]}:
        fast = extract(tmp_path / name, manifest, *options, "--simd", name)
        largest, sum_of_squares, count = 0.0, 0.0, 0
        for one, other in zip(exact.rows(), fast.rows(), strict=True):
            difference = np.abs(one.features - other.features)
            largest = max(largest, float(difference.max()))
            sum_of_squares += float(np.square(difference).sum())
            count += difference.size
        rms = (sum_of_squares / count) ** 0.5
        record_property(f"max difference of {name} to float64", largest)
        record_property(f"RMS difference of {name} to float64", rms)
        assert largest <= (
            MAX_DIFFERENCE_OF_SSE4 if name == "sse4" else MAX_DIFFERENCE
        )
        assert rms <= MAX_RMS


def test_paths_agree_on_random_lengths_rates_and_formats(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(4)
    rows = []
    for clip in range(120):
        rate = int(random.choice([8000, 11025, 16000, 22050, 44100, 48000]))
        num_samples = int(random.integers(rate // 50, 2 * rate))
        channels = int(random.integers(1, 4))
        level = 10 ** random.uniform(-4, 0)
        samples = noise(num_samples * channels, seed=clip, level=level)
        path = tmp_path / f"{clip}.wav"
        write_wav(
            path,
            samples.reshape(num_samples, channels),
            rate,
            str(random.choice(SUBTYPES)),
        )
        rows.append(manifest_row(path))
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    options = ("--dtype", "f32", "--resampler", "soxr")  # log-mel alone
    exact = extract(tmp_path / "none", manifest, *options, "--simd", "none")
    for name in simd_targets():
        fast = extract(tmp_path / name, manifest, *options, "--simd", name)
        for one, other in zip(exact.rows(), fast.rows(), strict=True):
            assert one.num_samples == other.num_samples
            difference = np.abs(one.features - other.features)
            assert difference.max() <= MAX_DIFFERENCE_OF_NOISE, one.audio
            assert abs(one.floor - other.floor) <= 1e-5
            assert abs(one.body_max - other.body_max) <= 4e-5
            assert np.array_equal(one.tail_samples, other.tail_samples)


def test_a_store_is_not_continued_by_another_path(tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", noise(5000))
    manifest = write_manifest(tmp_path / "m.jsonl", [manifest_row(audio)])
    extract(tmp_path / "store", manifest)
    before = store_bytes(tmp_path / "store")
    run = run_melmill(
        "extract", manifest, "--out", tmp_path / "store", "--simd", "none"
    )
    assert run.exit_code == 2
    assert "made with other code" in run.stderr
    assert "log_mel" in run.stderr
    assert store_bytes(tmp_path / "store") == before
    assert isinstance(Store(tmp_path / "store"), Store)


@pytest.mark.parametrize("value", ["", "AVX2", "riscv"])
def test_an_unknown_target_is_refused(value: str, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", noise(5000))
    manifest = write_manifest(tmp_path / "m.jsonl", [manifest_row(audio)])
    run = run_melmill(
        "extract", manifest, "--out", tmp_path / "store", "--simd", value
    )
    assert run.exit_code == 2
    assert f"--simd {value}: this machine has " in run.stderr
    assert not (tmp_path / "store").exists()
