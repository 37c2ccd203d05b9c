"""--resampler: what it chooses, and what a store lets go on with another."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from store_job import Job, flip_byte, is_shard, make_finished_job
from support import (
    Run,
    extract,
    files_of,
    manifest_row,
    max_difference,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)
from test_simd import producer, simd_targets

RESAMPLERS = ["spectral", "soxr"]
OTHER = {"spectral": "soxr", "soxr": "spectral"}

# (rate, channels, subtype), as most corpora have them.
FORMATS = [
    (48_000, 2, "PCM_16"),
    (44_100, 1, "PCM_24"),
    (8_000, 1, "PCM_16"),
    (22_050, 1, "FLOAT"),
    (96_000, 2, "PCM_24"),
    (11_127, 1, "PCM_16"),  # not in the frequency domain
]


def write_clips(folder: Path) -> Path:
    """Clips of all FORMATS, of 20 ms to 3.7 s, and their manifest."""
    rows = []
    durations_s = [0.02, 0.31, 1.1, 3.7]
    cases = itertools.product(FORMATS, durations_s)
    for number, ((rate, channels, subtype), duration_s) in enumerate(cases):
        samples = noise(int(duration_s * rate) * channels, seed=number)
        path = folder / f"{number}.wav"
        write_wav(path, samples.reshape(-1, channels), rate, subtype)
        rows.append(manifest_row(path))
    return write_manifest(folder / "train.jsonl", rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a 48 kHz clip and a manifest of it, train.jsonl."""
    write_wav(tmp_path / "a.wav", noise(30_000), 48_000)
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    return tmp_path


def resampler_of(store: Path) -> str:
    return str(producer(store)["resampler"])


# What is chosen.


@pytest.mark.parametrize(
    ("flags", "is_spectral"),
    [
        ([], True),
        (["--resampler", "spectral"], True),
        (["--resampler", "soxr"], False),
        (["--simd", "sse4"], True),
        (["--simd", "none"], False),
        (["--simd", "none", "--resampler", "soxr"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_store_names_the_resampler(
    folder: Path, flags: list[str], is_spectral: bool
) -> None:
    extract(folder / "store", "train.jsonl", *flags, cwd=folder)
    name = resampler_of(folder / "store")
    assert name.startswith("spectral ") == is_spectral
    assert name.partition("libsoxr-")[1]
    info = run_melmill("info", "store", "--settings", cwd=folder)
    assert f'"resampler":"{name}"' in info.stdout


def test_a_config_file_chooses_it(folder: Path) -> None:
    (folder / "run.toml").write_text('resampler = "soxr"\nout = "store"\n')
    flags = ("train.jsonl", "--config", "run.toml")
    assert run_melmill("validate", *flags, cwd=folder).exit_code == 0
    assert run_melmill("extract", *flags, cwd=folder).exit_code == 0
    assert "spectral" not in resampler_of(folder / "store")


def test_the_default_makes_the_bytes_of_spectral(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path)
    for name, flags in (
        ("default", []),
        ("named", ["--resampler", "spectral"]),
    ):
        extract(tmp_path / name, manifest, *flags)
    assert files_of(tmp_path / "default") == files_of(tmp_path / "named")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--resampler", "sox"], "--resampler sox: write spectral or soxr"),
        (["--resampler", ""], "--resampler : write spectral or soxr"),
        (["--resampler"], "--resampler"),
        (
            ["--resampler", "spectral", "--simd", "none"],
            "error: --resampler spectral: needs the SIMD code that --simd none "
            "turns off; give --resampler soxr\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("command", ["extract", "validate"])
def test_what_cannot_be_is_refused(
    folder: Path, command: str, flags: list[str], reason: str
) -> None:
    out = ["--out", "store"] if command == "extract" else []
    run = run_melmill(command, "train.jsonl", *out, *flags, cwd=folder)
    assert run.exit_code == 2
    assert reason in run.stderr
    assert not (folder / "store").exists()


# The same bytes.


def test_spectral_makes_the_same_store_on_all_targets_that_fuse(
    tmp_path: Path,
) -> None:
    manifest = write_clips(tmp_path)
    ways = [
        (target, threads)
        for target in simd_targets()
        if target != "sse4"
        for threads in ("1", "2")
    ]
    stores = []
    for target, threads in ways:
        store = tmp_path / f"{target}_{threads}"
        flags = ("--simd", target, "--threads", threads)
        extract(store, manifest, *flags, "--resampler", "spectral")
        stores.append(files_of(store))
    assert len(stores) >= 2
    assert [store == stores[0] for store in stores] == [True] * len(stores)


def test_features_hardly_depend_on_the_resampler(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path)
    stores = [
        extract(
            tmp_path / name, manifest, "--dtype", "f32", "--resampler", name
        ).rows()
        for name in RESAMPLERS
    ]
    num_equal = 0
    for one, other in zip(*stores, strict=True):
        assert one.num_samples == other.num_samples
        assert max_difference(one.features, other.features) <= 2e-4
        assert max_difference(one.tail_samples, other.tail_samples) <= 1e-6
        num_equal += int(np.array_equal(one.tail_samples, other.tail_samples))
    assert num_equal == len(stores[0]) / len(FORMATS)  # of 11,127 Hz


def test_rates_that_spectral_leaves_out_are_the_same_with_both(
    tmp_path: Path,
) -> None:
    audio = write_wav(tmp_path / "odd.wav", noise(40_000), 11_127)
    plain = write_wav(tmp_path / "plain.wav", noise(40_000))
    rows = [manifest_row(audio), manifest_row(plain)]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    stores = [
        extract(tmp_path / name, manifest, "--resampler", name).rows()
        for name in RESAMPLERS
    ]
    for one, other in zip(*stores, strict=True):
        assert np.array_equal(one.features, other.features)
        assert np.array_equal(one.tail_samples, other.tail_samples)


# Going on.


@pytest.fixture(scope="module", params=RESAMPLERS)
def made_with(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, made_with: str) -> Path:
    """A job with clips of 16, 44.1 and 48 kHz, and its finished store."""
    job = make_finished_job(tmp_path_factory.mktemp(made_with))
    for number, rate in ((1, 48_000), (5, 44_100), (26, 48_000)):
        write_wav(job.clip(number), noise(20_000 + number), rate)
    shutil.rmtree(job.store)
    assert job.extract("--resampler", made_with).exit_code == 0
    return job.folder


@pytest.fixture
def job(tmp_path: Path, finished: Path) -> Job:
    return Job(shutil.copytree(finished, tmp_path / "job"))


def remove_end_of(job: Job) -> dict[str, bytes]:
    """Leaves the store as if its run had died; what it was before."""
    whole = files_of(job.store)
    for name in ("store.json", *sorted(job.shards())[2:5]):
        (job.store / name).unlink()
    return whole


def assert_refused(run: Run, made_with: str) -> None:
    assert run.exit_code == 2
    head, difference = run.stderr.splitlines()
    assert "store was made with other code; use another --out" in head
    assert head.endswith(f"it was made with (--resampler {made_with}):")
    old, _, new = difference.partition(" -> ")
    assert old.startswith("  resampler: ")
    assert ("spectral" in old) == (made_with == "spectral")
    assert ("spectral" in new) == (made_with == "soxr")


@pytest.mark.parametrize("state", ["complete", "unfinished", "no_index"])
@pytest.mark.parametrize("update", [[], ["--update"]], ids=["plain", "update"])
@pytest.mark.parametrize("is_named", [False, True], ids=["open", "named"])
def test_a_store_is_resumed_by_its_own_resampler_alone(
    job: Job, made_with: str, state: str, update: list[str], is_named: bool
) -> None:
    whole = files_of(job.store)
    if state == "unfinished":
        remove_end_of(job)
    elif state == "no_index":
        flip_byte(job.store / "store.json", 100)
    before = files_of(job.store)
    refused = job.extract("--resampler", OTHER[made_with], *update)
    assert_refused(refused, made_with)
    assert files_of(job.store) == before
    flags = ["--resampler", made_with] if is_named else []
    own = job.extract(*flags, *update)
    assert own.exit_code == 0, own.stderr
    assert files_of(job.store) == whole


@pytest.mark.parametrize(
    ("made_with", "given", "needed"),
    [
        ("--simd none", "", "(--simd none)"),
        (
            "--simd none",
            "--resampler spectral",
            "(--simd none --resampler soxr)",
        ),
        ("--simd none", "--resampler soxr", "(--simd none)"),
        ("", "--simd none", "(--simd auto)"),
        ("--simd sse4 --resampler soxr", "", "(--simd sse4)"),
        (
            "--simd sse4 --resampler soxr",
            "--resampler spectral",
            "(--simd sse4 --resampler soxr)",
        ),
    ],
)
def test_the_refusal_names_every_flag_that_is_needed(
    folder: Path, made_with: str, given: str, needed: str
) -> None:
    extract(folder / "store", "train.jsonl", *made_with.split(), cwd=folder)
    flags = ("train.jsonl", "--out", "store", *given.split())
    run = run_melmill("extract", *flags, cwd=folder)
    assert run.exit_code == 2
    assert needed in run.stderr


@pytest.mark.parametrize("is_named", [False, True], ids=["open", "named"])
def test_an_update_makes_the_store_of_its_input(
    job: Job, made_with: str, is_named: bool
) -> None:
    flags = ("--resampler", made_with)
    write_wav(job.clip(5), noise(21_000, seed=50), 44_100)
    write_wav(job.folder / "new.wav", noise(9_000), 32_000)
    job.write_rows([*job.rows()[1:], manifest_row("new.wav")])
    assert job.extract(*(flags if is_named else ()), "--update").exit_code == 0
    assert job.extract(*flags, out="fresh").exit_code == 0
    assert files_of(job.store) == files_of(job.folder / "fresh")


def test_repair_and_comparison_use_the_stores_own_resampler(job: Job) -> None:
    whole = files_of(job.store)
    for name in whole:
        if is_shard(name):
            flip_byte(job.store / name, 5000)
    repair = run_melmill("verify", job.store, "--repair", cwd=job.folder)
    assert repair.exit_code == 0, repair.stdout + repair.stderr
    assert files_of(job.store) == whole
    flags = ("--against-audio", "100")
    compare = run_melmill("verify", job.store, *flags, cwd=job.folder)
    assert compare.exit_code == 0, compare.stdout + compare.stderr


def test_the_json_report_tells_the_refusal_too(
    job: Job, made_with: str
) -> None:
    run = job.extract("--resampler", OTHER[made_with], "--json")
    assert run.exit_code == 2
    assert f"--resampler {made_with}" in json.loads(run.stdout)["error"]
