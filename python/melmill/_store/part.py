"""A part of a split: its rows that are in one store folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._store import narrow_types
from melmill._store.errors import DamagedStoreError
from melmill._store.files import OpenFiles
from melmill._store.index import SplitFacts, StoreIndex
from melmill._store.shard import Shard, Sources, StoredRow
from melmill._store.table import Table

_MAX_SHARDS = 1024  # whose indices are kept: 20 bytes a row


class Part:
    """The rows of a split that are in one store folder.

    Threads and forked processes can share it. Shards are opened and checked
    when a row of theirs is used for the first time.

    Args:
      folder: The store's folder.
      facts: The split's entry in store.json.
      index: The content of store.json.
      is_mapped: Whether rows are views of mapped files or are read.
      maps_batches: The same for batches.

    Raises:
      DamagedStoreError: The table is not the one in store.json.
      StoreReadError: The system cannot read it.
    """

    def __init__(
        self,
        folder: Path,
        facts: SplitFacts,
        index: StoreIndex,
        *,
        is_mapped: bool,
        maps_batches: bool,
    ) -> None:
        self._folder = folder
        self._maps_batches = maps_batches
        self._shard_facts = index.shards
        self._contract = index.contract
        self._is_mapped = is_mapped
        self._files = OpenFiles()
        self._shards: dict[int, Shard] = {}
        self.table = Table(
            folder,
            facts,
            self._files,
            contract=index.contract,
            kept_fields=index.kept_fields,
            has_pieces=index.has_pieces,
            has_audio_paths=index.has_audio_paths,
            is_mapped=is_mapped,
        )

    def close(self) -> None:
        """Closes the files; the next use of a row opens them again.

        Columns and features that somebody uses stay mapped.
        """
        self._shards.clear()
        self._files.close()

    def stored(self, at: int) -> StoredRow:
        """The place of row `at` in its shard."""
        (stored,) = self.stored_rows([at])
        return stored

    def stored_rows(self, rows: Sequence[int]) -> list[StoredRow]:
        """The places of rows in their shards."""
        table = self.table
        at = np.array(rows)
        stored = []
        for number, start, num_frames, num_samples in zip(
            table.shard[at].tolist(),
            table.start[at].tolist(),
            table.num_frames[at].tolist(),
            table.num_samples[at].tolist(),
            strict=True,
        ):
            shard = self._shard(number)
            row = shard.row_at(start, num_frames)
            stored.append(StoredRow(shard, row, start, num_frames, num_samples))
        return stored

    def sources(self) -> Iterator[tuple[npt.NDArray[np.int64], Sources]]:
        """Rows and what is known of their audio, one shard after another."""
        shards = self.table.shard
        order = np.argsort(shards, kind="stable")
        bounds = np.flatnonzero(np.diff(shards[order])) + 1
        for rows in np.split(order, bounds):
            if rows.size:
                shard = self._shard(int(shards[rows[0]]))
                yield rows, shard.sources(self.table.start[rows])

    def features(self, at: int) -> npt.NDArray[Any]:
        """See Row.features."""
        stored = self.stored(at)
        if self._is_mapped:
            features = stored.shard.view(stored.start, stored.num_frames)
        else:
            features = stored.shard.read(stored.start, stored.num_frames)
        feature_type = self._contract.feature_type
        if feature_type == "u8":
            return self._widened(stored, features)
        if feature_type == "bf16":
            features = narrow_types.bfloat16_to_float32(features)
        floor = stored.floor
        if floor > self._contract.normalised_floor(stored.body_max):
            if feature_type == "bf16":
                floor = narrow_types.rounded_to_bfloat16(floor)
            raised: npt.NDArray[Any]
            raised = np.maximum(features, features.dtype.type(floor))
            raised.flags.writeable = False
            return raised
        return features

    def _widened(
        self, stored: StoredRow, features: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """The features that bytes of a whole row stand for."""
        contract = self._contract
        values = np.empty(features.shape, np.float32)
        body = (stored.num_samples - contract.n_fft // 2) // contract.hop_length
        body = min(body + 1, stored.num_frames)
        shard, row = stored.shard, stored.row
        shard.widen(row, features[:body], values[:body])
        shard.widen_end(row, features[body:], values[body:])
        if stored.floor > contract.normalised_floor(stored.body_max):
            np.maximum(values, np.float32(stored.floor), out=values)
            values.flags.writeable = False
        return values

    def read_stored(self, at: int) -> npt.NDArray[Any]:
        """See Row.read_stored."""
        stored = self.stored(at)
        return stored.shard.read(stored.start, stored.num_frames)

    def tail_samples(self, at: int) -> npt.NDArray[np.float32]:
        """See Row.tail_samples."""
        stored = self.stored(at)
        tail = np.empty(self._contract.tail_length, np.float32)
        stored.shard.copy_tail(stored.row, tail)
        return tail

    def _shard(self, number: int) -> Shard:
        shard = self._shards.get(number)
        if shard is None:
            if number >= len(self._shard_facts):
                raise DamagedStoreError(
                    f"{self.table.path}: shard: {number} of "
                    f"{len(self._shard_facts)}"
                )
            facts = self._shard_facts[number]
            shard = Shard(
                self._folder,
                facts,
                self._contract,
                self._files,
                maps_batches=self._maps_batches,
            )
            self._shards[number] = shard
            while len(self._shards) > _MAX_SHARDS:
                self._shards.pop(next(iter(self._shards)), None)
        return shard
