"""Damages stores at random, and reads what is left of them in every way.

    PYTHONPATH=python:tests/fixtures python -W error \
      tests/package/store_mutations.py --mutations 100000 --seed 1

Checksums are made to fit, because damage that they find tells nothing of the
readers. Whatever is damaged, reading must end soon, within bounds of memory,
and without an error or with a StoreError that names the file. All else is
printed with its number; --first NUMBER --mutations 1 repeats it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import melmill
import xxhash
from melmill._contents.shard_check import ShardIndex
from melmill._contents.store_files import ShardFile, unfinished_store_files
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.shard import FEATURES_OFFSET
from melmill.padding import batch_features
from store_inputs import STORES

MAX_SECONDS = 10  # for one store; the machine may be busy
MAX_ADDED_MIB = 256
_FEATURE_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "u8": 1}
_NUMBERS = (0, 1, 2, 0xFF, 0xFFFF, 1 << 31, 1 << 32, 1 << 40, 1 << 63)
_KINDS = ("<B", "<H", "<I", "<Q")


class Source:
    """A store of the fixtures, and a copy that is damaged again and again.

    Args:
      store: The committed store.
      folder: Where its copy goes.
    """

    def __init__(self, store: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(store, folder)
        index = json.loads((store / "store.json").read_text())
        frame_bytes = (
            index["contract"]["n_mels"]
            * _FEATURE_BYTES[index["contract"]["feature_type"]]
        )
        self.index = index
        # The end of the features of each file that can be damaged.
        self.features_ends = {
            split["table"]["file"]: FEATURES_OFFSET for split in index["splits"]
        }
        for shard in index["shards"]:
            end = FEATURES_OFFSET + shard["num_frames"] * frame_bytes
            self.features_ends[shard["file"]] = end
        self.features_ends["plan.h5"] = FEATURES_OFFSET
        self.contents = {
            name: (store / name).read_bytes() for name in self.features_ends
        }
        self.index_text = (store / "store.json").read_bytes()

    def put(self, name: str, content: bytes) -> ShardFile | None:
        """Replaces a file; returns what a shard is then known to be."""
        (self.folder / name).write_bytes(content)
        end = self.features_ends[name]
        outside = content[:FEATURES_OFFSET] + content[end:]
        index = json.loads(self.index_text)
        tables = [split["table"] for split in index["splits"]]
        found = None
        for facts in [*tables, *index["shards"], index["plan_file"]]:
            if facts["file"] == name:
                facts["num_bytes"] = len(content)
                facts["checksum"] = xxhash.xxh3_64_hexdigest(outside)
                if "num_rows" in facts:
                    found = ShardFile(
                        name=name,
                        num_rows=facts["num_rows"],
                        features_end=end,
                        num_bytes=len(content),
                        checksum=facts["checksum"],
                    )
        del index["checksum"]
        text = json.dumps(index, indent=2).removesuffix("\n}") + ",\n"
        checksum = xxhash.xxh3_64_hexdigest(text.encode())
        (self.folder / "store.json").write_text(
            f'{text}  "checksum": "{checksum}"\n}}\n'
        )
        return found

    def restore(self, name: str) -> None:
        (self.folder / name).write_bytes(self.contents[name])


def damaged(source: Source, name: str, draw: random.Random) -> bytes:
    """The content of a file with one to four things wrong."""
    body = bytearray(source.contents[name])
    end = min(source.features_ends[name], len(body))
    outside = [*range(min(FEATURES_OFFSET, len(body))), *range(end, len(body))]
    telling = [at for at in outside if body[at]]  # most bytes are zeros
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at = draw.choice(draw.choice((outside, telling)))
        choice = draw.randrange(6)
        if choice == 0:
            body[at] = draw.randrange(256)
        elif choice == 1:
            body[at] ^= 1 << draw.randrange(8)
        elif choice in (2, 3):
            kind = draw.choice(_KINDS)
            size = struct.calcsize(kind)
            numbers = (*_NUMBERS, len(body), draw.choice(telling), -1)
            value = draw.choice(numbers) % (1 << 8 * size)
            at = min(at, len(body) - size)
            struct.pack_into(kind, body, at, value)
        elif choice == 4:
            size = draw.choice((1, 4, 8, 40, 272))
            other = draw.choice(telling)
            part = body[other : other + size]
            body[at : at + len(part)] = part
        else:
            size = draw.choice((1, 8, 64))
            body[at : at + size] = bytes(len(body[at : at + size]))
    if draw.randrange(40) == 0:
        del body[max(end, draw.randrange(len(body))) :]
    return bytes(body)


def read_all(folder: Path, access: Any) -> None:
    """Reads every row in every way."""
    store = melmill.open(folder, access=access)
    for name in store.splits:
        split = store[name]
        for kind in ("text", "audio", "prompt"):
            split.texts(kind)
        for part in split.parts:
            part.table.audio_paths()
        for row in split:
            assert len(row.features) == row.num_frames
            assert len(row.read_stored()) == row.num_frames
            assert row.tail_samples.size
            assert row.kept is not None
            assert row.piece.num_samples >= 0
            assert row.duration_s > 0
            assert row.audio_path
        if len(split):
            batch_features(list(split))
            batch_features(list(split[:1]), num_samples=split[0].num_samples)
            split.find(f"./{split[0].audio}", start=split[0].segment_start_s)


def check(source: Source, name: str, content: bytes, access: str) -> str:
    """Damages a file and reads it; returns what came of it."""
    shard = source.put(name, content)
    outcomes = []
    path = source.folder / name
    readers: list[Any] = [lambda: read_all(source.folder, access)]
    if name == "plan.h5":
        readers = [lambda: unfinished_store_files(path, str(path))]
    if shard is not None:
        file = StoreFile(path, len(content))
        index = ShardIndex
        readers.append(
            lambda: list(index(file, shard, str(path)).pieces(1 << 16))
        )
    for read in readers:
        try:
            read()
            outcomes.append("read")
        except melmill.StoreError as error:
            damage = isinstance(error, DamagedStoreError)
            if damage and str(source.folder) not in str(error):
                raise AssertionError("the file is not named") from error
            outcomes.append(type(error).__name__)
    source.restore(name)
    return ", ".join(outcomes)


def bound_memory() -> None:
    status = Path("/proc/self/status").read_text()
    used_kib = int(status.split("VmSize:")[1].split()[0])
    bound = (used_kib << 10) + (MAX_ADDED_MIB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def stop(*_: object) -> None:
    raise TimeoutError(f"not at its end after {MAX_SECONDS} s")


def run(folder: Path, first: int, mutations: int, seed: int) -> Counter[str]:
    """Makes the mutations of a seed from number `first` on.

    Returns:
      How many had which outcome; "wrong" is what must not be.
    """
    sources = [
        Source(path.parent, folder / path.parent.relative_to(STORES))
        for path in sorted(STORES.glob("*/*/store.json"))
    ]
    outcomes: Counter[str] = Counter()
    longest_s = 0.0
    signal.signal(signal.SIGALRM, stop)
    for number in range(first, first + mutations):
        draw = random.Random(f"{seed} {number}")
        source = draw.choice(sources)
        name = draw.choice(list(source.contents))
        content = damaged(source, name, draw)
        begin = time.perf_counter()
        signal.alarm(MAX_SECONDS)
        try:
            outcome = check(
                source, name, content, ("mmap", "pread")[number % 2]
            )
        except Exception:
            print(f"{number}: {source.folder.name}/{name}", file=sys.stderr)
            traceback.print_exc()
            source.restore(name)
            outcome = "wrong"
        signal.alarm(0)
        longest_s = max(longest_s, time.perf_counter() - begin)
        outcomes[outcome] += 1
    print(f"longest {longest_s:.2f} s")
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bound_memory()
        outcomes = run(
            Path(folder), options.first, options.mutations, options.seed
        )
    for outcome, count in outcomes.most_common():
        print(f"{count:8,} {outcome}")
    return int(outcomes["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
