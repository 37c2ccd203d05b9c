"""Stores that were committed: today's program reads, keeps and makes them."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from make_stores import digests_of, make_store, version_of
from store_inputs import INPUTS, STORES, StoreInput
from support import files_of, melmill_path, run_melmill, snapshot

USAGE = 2
WITHOUT_PEAKS = "0.1.0-without-peaks"  # before it was released


@dataclasses.dataclass(frozen=True)
class Committed:
    """A store of tests/fixtures/stores."""

    folder: Path

    @property
    def input(self) -> StoreInput:
        return INPUTS[self.folder.name]

    @property
    def is_finished(self) -> bool:
        return (self.folder / "store.json").exists()

    def copy(self, folder: Path) -> Path:
        """The input and the store, as the run left them."""
        self.input.write(folder)
        return Path(shutil.copytree(self.folder, folder / "store"))

    def finished_digests(self) -> dict[str, str]:
        """Of all files that the store has once it is finished."""
        path = self.folder.parent / "digests.json"
        digests: dict[str, str] = json.loads(path.read_text())[self.input.name]
        return digests


COMMITTED = [Committed(path) for path in sorted(STORES.glob("*/*/"))]


@pytest.fixture(
    params=COMMITTED,
    ids=lambda each: f"{each.folder.parent.name}-{each.folder.name}",
)
def committed(request: pytest.FixtureRequest) -> Committed:
    store: Committed = request.param
    return store


@pytest.fixture
def fresh(committed: Committed, tmp_path: Path) -> Path:
    """What this program makes of the same input."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    return make_store(Path(melmill_path()), committed.input, folder)


def producer(index: Path) -> Any:
    return json.loads(index.read_text())["producer"]


def require_same_producer(committed: Committed, fresh: Path) -> None:
    """Skips the test where this program, or machine, makes other bytes."""
    here = producer(fresh / "store.json")
    there = here
    if committed.is_finished:
        there = producer(committed.folder / "store.json")
    elif (fresh / "plan.h5").read_bytes() != (
        committed.folder / "plan.h5"
    ).read_bytes():
        there = "another plan"
    if here != there:
        pytest.skip(f"made by {there}; here it is {here}")


def test_this_version_has_a_store_of_every_form() -> None:
    version = version_of(Path(melmill_path()))
    names = {path.name for path in (STORES / version).glob("*/")}
    assert names == set(INPUTS)


def test_info_and_verify_read_it(committed: Committed, tmp_path: Path) -> None:
    store = Path(shutil.copytree(committed.folder, tmp_path / "store"))
    info = run_melmill("info", store)
    assert info.exit_code == 0, info.stderr
    assert ("UNFINISHED" in info.stdout) is not committed.is_finished
    verified = run_melmill("verify", store)
    if committed.is_finished:
        assert verified.exit_code == 0, verified.stdout + verified.stderr
    else:
        assert verified.exit_code == USAGE
        assert "no store.json" in verified.stderr


def test_digests_are_those_of_its_files(committed: Committed) -> None:
    digests = committed.finished_digests()
    found = digests_of(committed.folder)
    assert found.items() <= digests.items()
    assert committed.is_finished == (found == digests)


def test_rerun_keeps_every_byte_or_finishes_it(
    committed: Committed, fresh: Path, tmp_path: Path
) -> None:
    require_same_producer(committed, fresh)
    folder = tmp_path / "job"
    folder.mkdir()
    store = committed.copy(folder)
    before = snapshot(store)
    run = run_melmill(*committed.input.arguments("store"), cwd=folder)
    assert run.exit_code == 0, run.stderr
    nothing_to_do = "nothing to do" in run.stdout + run.stderr
    assert nothing_to_do == committed.is_finished
    after = snapshot(store)
    for name in before:
        # A resumed run writes its plan again.
        if committed.is_finished or name != "plan.h5":
            assert after[name] == before[name], name
    assert digests_of(store) == committed.finished_digests()


@pytest.fixture
def before_peaks(tmp_path: Path) -> Path:
    """The input and the store of a program that stored no peaks."""
    committed = Committed(STORES / WITHOUT_PEAKS / "qwen3_asr_f16")
    folder = tmp_path / "job"
    folder.mkdir()
    committed.copy(folder)
    fresh = make_store(Path(melmill_path()), committed.input, tmp_path)
    require_same_producer(committed, fresh)
    return folder


def extract_again(folder: Path, *flags: str) -> None:
    run = run_melmill(
        *INPUTS["qwen3_asr_f16"].arguments("store"), *flags, cwd=folder
    )
    assert run.exit_code == 0, run.stderr


def shards_with_peaks(store: Path) -> list[bool]:
    """Of each shard, whether it has peaks."""
    index = json.loads((store / "store.json").read_text())
    has_peaks = []
    for shard in index["shards"]:
        with h5py.File(store / shard["file"]) as file:
            has_peaks.append("peak" in file)
    assert index["format"]["minor"] == (3 if any(has_peaks) else 0)
    return has_peaks


def test_an_update_adds_peaks_to_the_shards_that_it_makes(
    before_peaks: Path,
) -> None:
    store = before_peaks / "store"
    assert not any(shards_with_peaks(store))
    kept = files_of(store)
    clip = before_peaks / "pcm32.wav"
    content = clip.read_bytes()
    clip.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    extract_again(before_peaks, "--update", "--rehash")
    has_peaks = shards_with_peaks(store)
    assert any(has_peaks)
    assert not all(has_peaks)
    index = json.loads((store / "store.json").read_text())
    for shard, has_peak in zip(index["shards"], has_peaks, strict=True):
        name = shard["file"]
        assert has_peak or (store / name).read_bytes() == kept[name]
    whole = files_of(store)
    # As after a kill before the end: the same bytes, whatever is made again.
    (store / "store.json").unlink()
    (store / index["shards"][has_peaks.index(True)]["file"]).unlink()
    extract_again(before_peaks)
    assert files_of(store) == whole
    assert run_melmill("verify", store).exit_code == 0
    audio = ("--against-audio", "1000", "--audio-root", before_peaks)
    compared = run_melmill("verify", store, *audio)
    assert compared.exit_code == 0, compared.stdout + compared.stderr


@pytest.mark.parametrize("with_peaks", [False, True])
def test_a_repair_makes_shards_with_peaks_or_without(
    with_peaks: bool, before_peaks: Path
) -> None:
    store = before_peaks / "store"
    clip = before_peaks / "pcm32.wav"
    content = clip.read_bytes()
    clip.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    extract_again(before_peaks, "--update", "--rehash")
    whole = files_of(store)
    at = shards_with_peaks(store).index(with_peaks)
    index = json.loads((store / "store.json").read_text())
    (store / index["shards"][at]["file"]).unlink()
    repaired = run_melmill(
        "verify", store, "--repair", "--audio-root", before_peaks
    )
    assert repaired.exit_code == 0, repaired.stdout + repaired.stderr
    assert files_of(store) == whole


def test_today_s_program_makes_the_same_bytes(
    committed: Committed, fresh: Path
) -> None:
    if committed.folder.parent.name != version_of(Path(melmill_path())):
        pytest.skip("of an earlier version")
    made = files_of(fresh)
    kept = files_of(committed.folder)
    if committed.is_finished:
        here = producer(fresh / "store.json")
        there = producer(committed.folder / "store.json")
        # The rest is a matter of the machine and its libraries.
        for field in ("program", "feature_revision"):
            assert here[field] == there[field], "run make_stores.py"
    # Nothing of these depends on the code that computed the features.
    everywhere = (".rows.h5", ".accepted.jsonl", "rejects.jsonl")
    for name in kept:
        if name.endswith(everywhere):
            assert made[name] == kept[name], name
    require_same_producer(committed, fresh)
    assert {name: made[name] for name in kept} == kept
    assert digests_of(fresh) == committed.finished_digests()
