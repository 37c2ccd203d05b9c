"""Shards that something happened to: named, never accepted, mended."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from fault_job import FaultJob
from support import Run, files_of, run_melmill
from write_shim import strace

PAGE_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Place:
    """A stored row of a shard, and a byte that is damaged."""

    offset: int
    split: str
    line: int
    audio: str


def flip(shard: Path, offset: int) -> None:
    data = bytearray(shard.read_bytes())
    data[offset] ^= 0x40
    shard.write_bytes(data)


def cut_there(shard: Path, offset: int) -> None:
    with shard.open("r+b") as file:
        file.truncate(offset)


def zero_page(shard: Path, offset: int) -> None:
    data = bytearray(shard.read_bytes())
    begin = offset // PAGE_BYTES * PAGE_BYTES
    page = data[begin : begin + PAGE_BYTES]
    data[begin : begin + PAGE_BYTES] = bytes(len(page))
    shard.write_bytes(data)


def swap_with_another(shard: Path, offset: int) -> None:
    del offset
    others = shard.parent.glob("train.????????????.h5")
    other = next(path for path in others if path != shard)
    shard.rename(shard.parent / "swap")
    other.rename(shard)
    (shard.parent / "swap").rename(other)


Damage = Callable[[Path, int], None]
DAMAGES: dict[str, Damage] = {
    "flipped": flip,
    "cut": cut_there,
    "zeroed": zero_page,
    "swapped": swap_with_another,
}
PLACES = [
    "features",
    "tail_samples",
    "num_frames",
    "source_checksum",
    "status",
    "file_checksum",
    "superblock",
    "attributes",
]
CASES = [
    (damage, place)
    for damage in DAMAGES
    for place in PLACES
    if damage != "swapped" or place == "features"
]


def find_place(store: Path, shard: Path, place: str) -> Place:
    """A byte of the row in the middle of a shard, or of its structure."""
    index = json.loads((store / "store.json").read_text())
    number = [entry["file"] for entry in index["shards"]].index(shard.name)
    split = index["shards"][number]["split"]
    with h5py.File(store / f"{split}.rows.h5") as table:
        mine = [i for i, s in enumerate(table["shard"][:]) if s == number]
        row = mine[len(mine) // 2]
        line = int(table["line"][row])
        start = int(table["start"][row])
        first, last = table["audio_offsets"][row : row + 2]
        audio = table["audio_bytes"][first:last].tobytes().decode()
    if place == "superblock":
        return Place(8, split, line, audio)
    if place == "attributes":
        data = shard.read_bytes()
        return Place(data.index(b'"hop_length"') + 3, split, line, audio)
    with h5py.File(shard) as file:
        dataset = file[place]
        offset = dataset.id.get_offset()
        if place == "features":
            offset += start * 256 + 300
        elif place != "file_checksum":
            row_bytes = dataset.id.get_storage_size() // dataset.shape[0]
            starts = file["start"][:].tolist()
            offset += starts.index(start) * row_bytes
    return Place(offset, split, line, audio)


@dataclasses.dataclass(frozen=True)
class DamagedStore:
    """A whole store but for one shard (both, if they were swapped)."""

    job: FaultJob
    folder: Path
    shard: Path
    place: Place

    def verify(self, *flags: str) -> Run:
        return run_melmill("verify", self.folder, *flags, cwd=self.job.folder)


def pick_shard(store: Path) -> Path:
    """One that holds a rejected row beside stored ones."""
    index = json.loads((store / "store.json").read_text())
    [entry] = [
        entry
        for entry in index["shards"]
        if 2 <= entry["num_stored"] < entry["num_rows"]
    ]
    return store / str(entry["file"])


def damaged_store(
    job: FaultJob,
    whole: dict[str, bytes],
    folder: Path,
    damage: str,
    place: str,
) -> DamagedStore:
    folder.mkdir()
    for name, content in whole.items():
        (folder / name).write_bytes(content)
    shard = pick_shard(folder)
    found = find_place(folder, shard, place)
    DAMAGES[damage](shard, found.offset)
    assert files_of(folder) != whole
    return DamagedStore(job, folder, shard, found)


@pytest.mark.parametrize(("damage", "place"), CASES)
def test_damaged_shard_is_named_and_mended(
    job: FaultJob,
    whole: dict[str, bytes],
    tmp_path: Path,
    damage: str,
    place: str,
) -> None:
    store = damaged_store(job, whole, tmp_path / "store", damage, place)
    run = store.verify()
    assert run.exit_code == 1
    assert f"damaged: {store.shard.name}: " in run.stdout
    if (damage, place) == ("flipped", "features"):
        row = store.place
        assert f"({row.split} line {row.line}: {row.audio})" in run.stdout
    run = store.verify("--repair")
    assert run.exit_code == 0, run.stdout + run.stderr
    assert f"repaired: {store.shard.name}\n" in run.stdout
    assert files_of(store.folder) == whole
    assert store.verify().exit_code == 0


@pytest.mark.parametrize("is_finished", [True, False], ids=["done", "undone"])
@pytest.mark.parametrize(("damage", "place"), CASES)
def test_damaged_shard_is_made_again_by_a_rerun(
    job: FaultJob,
    whole: dict[str, bytes],
    tmp_path: Path,
    damage: str,
    place: str,
    is_finished: bool,
) -> None:
    store = damaged_store(job, whole, tmp_path / "store", damage, place)
    if not is_finished:
        (store.folder / "store.json").unlink()
    # What lies in features alone shows when they are read.
    in_features = place == "features" and damage in ("flipped", "zeroed")
    flags = ["--verify-resume"] if in_features else []
    run = job.extract(store.folder, *flags)
    assert run.exit_code == 0, run.stderr
    assert f"damaged: {store.shard.name}: " in run.stderr
    assert "; rebuilt\n" in run.stderr
    assert files_of(store.folder) == whole


def change_a_sample(job: FaultJob, audio: str) -> None:
    flip(job.folder / audio, 2000)


def remove(job: FaultJob, audio: str) -> None:
    (job.folder / audio).unlink()


def lengthen(job: FaultJob, audio: str) -> None:
    with (job.folder / audio).open("ab") as file:
        file.write(b"more")


CHANGES: dict[str, tuple[Callable[[FaultJob, str], None], str]] = {
    "sample": (change_a_sample, "the samples in the file have changed"),
    "gone": (remove, "could not be read: No such file"),
    "longer": (lengthen, "its size or header differs"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", ["features", "tail_samples"])
def test_shard_whose_audio_changed_stays_as_it_is(
    job: FaultJob,
    whole: dict[str, bytes],
    tmp_path: Path,
    change: str,
    place: str,
) -> None:
    changed = job.copy(tmp_path / "job")
    store = damaged_store(changed, whole, tmp_path / "store", "flipped", place)
    make_change, what = CHANGES[change]
    make_change(changed, store.place.audio)
    damaged = files_of(store.folder)
    run = store.verify("--repair")
    assert run.exit_code == 1, run.stdout + run.stderr
    assert f"not repaired: {store.shard.name}: stays as it is" in run.stdout
    # With the old index damaged nobody knows what the samples were.
    if place == "features" or change != "sample":
        row = store.place
        assert f"{what}" in run.stdout
        assert f"({row.split} line {row.line}: {row.audio})" in run.stdout
    assert files_of(store.folder) == damaged


def test_missing_shard_is_repaired(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    store = damaged_store(job, whole, tmp_path / "s", "flipped", "features")
    store.shard.unlink()
    assert store.verify("--repair").exit_code == 0
    assert files_of(store.folder) == whole


def test_shard_of_another_store_is_not_accepted(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """The same row names and headers, but another sample: the same name."""
    other = job.copy(tmp_path / "other")
    store = damaged_store(job, whole, tmp_path / "s", "flipped", "features")
    change_a_sample(other, store.place.audio)
    assert other.extract("features").exit_code == 0
    shutil.copy(other.folder / "features" / store.shard.name, store.shard)
    assert f"damaged: {store.shard.name}: " in store.verify().stdout
    run = job.extract(store.folder)
    assert "is not the shard of store.json; rebuilt" in run.stderr
    assert files_of(store.folder) == whole


def test_the_rows_of_any_number_of_damaged_shards_are_named_in_one_reading(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Counted in read calls on the table of the split."""
    tracer = strace()
    store = tmp_path / "store"
    store.mkdir()
    for name, content in whole.items():
        (store / name).write_bytes(content)
    index = json.loads((store / "store.json").read_text())
    files = [
        store / entry["file"]
        for entry in index["shards"]
        if entry["split"] == "train"
    ]
    assert len(files) >= 3

    def verify() -> tuple[int, int]:
        """The numbers of named rows and of reads of their table."""
        trace = tmp_path / "trace"
        run = run_melmill(
            "verify",
            store,
            cwd=job.folder,
            under=[
                tracer,
                "-f",
                "-y",
                "-s0",
                "-e",
                "pread64",
                "-o",
                str(trace),
            ],
        )
        assert run.exit_code in (0, 1), run
        named = re.findall(r"row \d+ is damaged \(train line \d+: ", run.stdout)
        return len(named), trace.read_text().count("train.rows.h5>")

    num_named, num_reads_of_whole = verify()
    assert num_named == 0
    first_feature = 4096
    flip(files[0], first_feature)
    num_named, num_reads = verify()
    assert num_named == 1
    assert num_reads > num_reads_of_whole
    for file in files[1:]:
        flip(file, first_feature)
    assert verify() == (len(files), num_reads)
