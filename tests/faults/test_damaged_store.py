"""Damage to the files of a finished store: nothing crashes, all is named."""

import dataclasses
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_job import FaultJob
from support import files_of, run_melmill

PAGE = 4096

# What the commands may end with: never a signal, never an unknown code.
INFO_EXITS = {0, 2}
VERIFY_EXITS = {0, 1, 2}
EXTRACT_EXITS = {0, 2, 4}

Mutate = Callable[[random.Random, bytes], bytes]


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def write_bytes(rng: random.Random, data: bytes) -> bytes:
    """A run of random bytes, or of ones, as of 0xFFFFFFFF sizes."""
    count = rng.choice((1, 2, 4, 8, 64))
    at = rng.randrange(len(data))
    run = rng.choice((rng.randbytes(count), b"\xff" * count))
    return (data[:at] + run + data[at + count :])[: len(data)]


def write_to_metadata(rng: random.Random, data: bytes) -> bytes:
    """A byte at or beside one that is not zero: in a small structure."""
    damaged = bytearray(data)
    used = [i for i, byte in enumerate(data) if byte != 0]
    for _ in range(rng.choice((1, 2, 4))):
        at = min(rng.choice(used) + rng.randrange(8), len(data) - 1)
        damaged[at] = rng.randrange(256)
    return bytes(damaged)


def zero_page(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(-(-len(data) // PAGE)) * PAGE
    page = data[at : at + PAGE]
    return data[:at] + bytes(len(page)) + data[at + PAGE :]


def swap_pages(rng: random.Random, data: bytes) -> bytes:
    """Exchanges two pages, or two pieces of a small file."""
    size = min(PAGE, len(data) // 2)
    first, second = sorted(rng.sample(range(len(data) // size), 2))
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return b"".join(pieces)


def truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def append(rng: random.Random, data: bytes) -> bytes:
    return data + rng.randbytes(rng.choice((1, 8, PAGE)))


MUTATIONS: tuple[Mutate, ...] = (
    flip_bits,
    write_bytes,
    write_to_metadata,
    zero_page,
    swap_pages,
    truncate,
    append,
)


@dataclasses.dataclass(frozen=True)
class Damage:
    """One damaged file."""

    number: int
    file: str
    kind: str
    data: bytes

    def __str__(self) -> str:
        return f"damage {self.number}: {self.kind} of {self.file}"


def damages(whole: dict[str, bytes], count: int, seed: int) -> list[Damage]:
    """Takes the files and the kinds in turn, so that all meet."""
    rng = random.Random(seed)
    names = sorted(name for name, data in whole.items() if data)
    made: list[Damage] = []
    while len(made) < count:
        number = len(made)
        name = names[number % len(names)]
        mutate = MUTATIONS[number // len(names) % len(MUTATIONS)]
        data = mutate(rng, whole[name])
        if data != whole[name]:
            made.append(Damage(number, name, mutate.__name__, data))
    return made


def is_seen(damage: Damage, exit_code: int, output: str) -> bool:
    """Whether verify's answer names the damaged file."""
    return exit_code in {1, 2} and damage.file in output


@pytest.fixture
def store(whole: dict[str, bytes], tmp_path: Path) -> Path:
    """A store of its own for one test."""
    folder = tmp_path / "store"
    folder.mkdir()
    for name, data in whole.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_damaged_store_never_crashes_and_verify_names_the_file(
    whole: dict[str, bytes], store: Path
) -> None:
    kinds: Counter[tuple[str, str]] = Counter()
    for damage in damages(whole, 1000, seed=1):
        path = store / damage.file
        path.write_bytes(damage.data)
        info = run_melmill("info", store, timeout_s=20)
        assert info.exit_code in INFO_EXITS, f"{damage}: {info}"
        verify = run_melmill("verify", store, timeout_s=20)
        assert verify.exit_code in VERIFY_EXITS, f"{damage}: {verify}"
        seen = is_seen(damage, verify.exit_code, verify.stdout + verify.stderr)
        assert seen, f"{damage}: {verify}"
        kinds[damage.file, damage.kind] += 1
        path.write_bytes(whole[damage.file])
    # Every kind met every file that is not empty.
    files = [name for name, data in whole.items() if data]
    assert len(kinds) == len(files) * len(MUTATIONS)
    assert run_melmill("verify", store).exit_code == 0


def test_a_damaged_unfinished_store_never_crashes_info(
    whole: dict[str, bytes], store: Path
) -> None:
    """Without store.json, info reads the plan."""
    (store / "store.json").unlink()
    assert "UNFINISHED" in run_melmill("info", store).stdout
    plan = {"plan.h5": whole["plan.h5"]}
    for damage in damages(plan, 200, seed=2):
        (store / damage.file).write_bytes(damage.data)
        info = run_melmill("info", store, timeout_s=20)
        assert info.exit_code in INFO_EXITS, f"{damage}: {info}"


def test_a_rerun_on_a_damaged_store_never_crashes(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    for damage in damages(whole, 100, seed=3):
        store = tmp_path / "store"
        store.mkdir()
        for name, data in whole.items():
            (store / name).write_bytes(data)
        (store / damage.file).write_bytes(damage.data)
        rerun = job.extract(store)
        assert rerun.exit_code in EXTRACT_EXITS, f"{damage}: {rerun}"
        if rerun.exit_code == 0:
            index = json.loads((store / "store.json").read_bytes())
            assert len(index["shards"]) > 0, f"{damage}: {rerun}"
        shutil.rmtree(store)


def test_without_index_and_plan_nothing_is_taken_for_a_store(
    job: FaultJob, whole: dict[str, bytes], store: Path
) -> None:
    for name in ("store.json", "plan.h5"):
        (store / name).write_bytes(b"x" + whole[name][1:])
    before = files_of(store)
    run = job.extract(store)
    assert run.exit_code == 2, run
    assert "store.json" in run.stderr
    assert files_of(store) == before
