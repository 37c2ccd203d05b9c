"""Opening a store, or several as one."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from melmill._store import lookup
from melmill._store.errors import (
    AmbiguousAudioError,
    ContractError,
    MissingAudioError,
    MissingSplitError,
)
from melmill._store.files import is_on_local_file_system
from melmill._store.index import FILE_NAME, Contract, StoreIndex, read_index
from melmill._store.lookup import AudioNames, Place
from melmill._store.part import Part
from melmill._store.row import Row
from melmill._store.split import Split

Access = Literal["mmap", "pread"]
PathLike = str | os.PathLike[str]


def open(
    path: PathLike | Sequence[PathLike],
    *,
    access: Access | None = None,
    audio_root: PathLike | None = None,
    path_map: Mapping[str, str] | None = None,
) -> Store:
    """Opens a finished store, or several stores with one contract as one.

    Args:
      path: The store's folder, or several folders. A split of several stores
        has the rows of the first store, then those of the second, and so on.
      access: How features are read. "mmap": rows and batches use mapped files;
        a file that is cut short, or a file system that disappears, then ends
        the process. "pread": everything is read into memory. None: on local
        file systems rows are views of mapped files and batches are read; on
        other file systems everything is read.
      audio_root: The folder from which relative audio strings start, for
        Row.audio_path and Split.find.
      path_map: Replaces beginnings of audio strings by those of now, such as
        {"/old": "/new"}.

    Raises:
      UnfinishedStoreError: A folder has no store.json.
      FormatError: A folder is not a store, or one in a newer format.
      ContractError: The stores have different contracts, or different features
        for the same audio; or a contract has rules of a newer version.
      DamagedStoreError: A file is missing, cut short or damaged.
      StoreReadError: The system cannot read a file.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    if access not in (None, "mmap", "pread"):
        raise ValueError(f'access is {access!r}, not "mmap" or "pread"')
    if not paths:
        raise ValueError("no store to open")
    names = AudioNames.of(audio_root, path_map)
    return Store([Path(p).absolute() for p in paths], access, names)


class Store(Mapping[str, Split]):
    """One store, or several as one: a mapping of names to splits.

    As a context manager it closes its files at the end of the block, which
    happens without it too, when nothing refers to the store any more.

    A store is read-only, and reading rows does not make it grow. It is pickled
    by its path. Threads and forked processes can share it. Stores with the same
    paths and options are equal.

    Attributes:
      folders: Absolute paths of the stores.
      contract: The settings of the features, the same for all stores.
      indices: The content of each store.json.
      names: Maps audio strings to paths.
    """

    def __init__(
        self, folders: Sequence[Path], access: Access | None, names: AudioNames
    ) -> None:
        self.folders = tuple(folders)
        self._access = access
        self.names = names
        self.indices = tuple(map(read_index, self.folders))
        self.contract = self._common_contract()
        self._splits = self._open_splits()
        self._all_splits = tuple(self._splits.values())
        self._check_common_audio()
        _opened[self._key()] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, self._key()

    def __deepcopy__(self, memo: object) -> Store:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def name(self) -> str:
        """The folder, as it was given to open; several with commas."""
        return ", ".join(map(str, self.folders))

    def __repr__(self) -> str:
        splits = ", ".join(
            f"{name}: {len(split):,} rows"
            for name, split in self._splits.items()
        )
        return f"<melmill store {self.name}; {splits}>"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the files; using rows afterwards opens them again."""
        for split in self._all_splits:
            for part in split.parts:
                part.close()

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _repr_html_(self) -> str:
        from melmill._view import html

        return html.of_store(self)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order of the command line."""
        return tuple(self._splits)

    def __getitem__(self, name: str) -> Split:
        split = self._splits.get(name)
        if split is None:
            raise MissingSplitError(
                f"{self.name}: no split {name!r}; there are: "
                + ", ".join(self._splits)
            )
        return split

    def __iter__(self) -> Iterator[str]:
        return iter(self._splits)

    def __len__(self) -> int:
        return len(self._splits)

    def find(
        self,
        audio: str,
        *,
        start: float | None = None,
        audio_offset: int | None = None,
    ) -> Row:
        """The first row with this audio string in any split; see Split.find.

        Raises:
          MissingAudioError: No row has this audio, or starts there.
          AmbiguousAudioError: Rows have several other spellings of the path, or
            are several pieces of it.
        """
        place = Place(start, audio_offset)
        row = lookup.find(self._all_splits, self.names, audio, place)
        if row is None:
            advice = lookup.advice(self._all_splits, self.names, audio, place)
            raise MissingAudioError(
                f"{audio}: not in the store {self.name}; {advice}"
            )
        return row

    def require_one_row_per_audio(self) -> None:
        """Refuses a store of which an audio string means several pieces.

        Raises:
          AmbiguousAudioError: There is such a string; says how to train.
        """
        repeated = lookup.find_repeated(self._all_splits)
        if repeated is None:
            return
        audio, num_pieces = repeated
        raise AmbiguousAudioError(
            f"{self.name}: {audio!r} means {num_pieces} rows, which are pieces "
            "of this file, and a training script that loads audio by its path "
            "cannot say which. Train from the rows: "
            "melmill.torch.FeatureDataset, or store[split][index]; "
            'docs/training.md, "Pieces of files", shows how'
        )

    def find_exact(self, audio: str) -> Row | None:
        """Like find() without other spellings; None if there is no row."""
        return lookup.find_exact(self._all_splits, self.names, audio)

    def advice(self, audio: str) -> str:
        """Advice for a message about audio that was not found."""
        return lookup.advice(self._all_splits, self.names, audio)

    def _key(self) -> tuple[tuple[Path, ...], Access | None, AudioNames]:
        return self.folders, self._access, self.names

    def _common_contract(self) -> Contract:
        contract = self.indices[0].contract
        for folder, index in zip(
            self.folders[1:], self.indices[1:], strict=True
        ):
            differences = contract.differences(index.contract)
            if differences:
                raise ContractError(
                    f"{self.folders[0]} and {folder} have different "
                    f"contracts: {'; '.join(differences)}"
                )
        return contract

    def _open_splits(self) -> dict[str, Split]:
        parts: dict[str, list[Part]] = {}
        for folder, index in zip(self.folders, self.indices, strict=True):
            for name, part in _open_parts(folder, index, self._access):
                parts.setdefault(name, []).append(part)
        return {
            name: Split(self, name, of_name, self.contract, self.names)
            for name, of_name in parts.items()
        }

    def _check_common_audio(self) -> None:
        """Refuses stores with different features for the same audio."""
        if len(self.folders) == 1:
            return
        parts = [
            part for split in self._splits.values() for part in split.parts
        ]
        for i, part in enumerate(parts):
            for other in parts[:i]:
                _check_same_features(part, other)


def _open_parts(
    folder: Path, index: StoreIndex, access: Access | None
) -> Iterator[tuple[str, Part]]:
    if access is None:
        is_mapped = is_on_local_file_system(folder / FILE_NAME)
    else:
        is_mapped = access == "mmap"
    for facts in index.splits:
        yield (
            facts.name,
            Part(
                folder,
                facts,
                index,
                is_mapped=is_mapped,
                maps_batches=access == "mmap",
            ),
        )


def _check_same_features(part: Part, other: Part) -> None:
    common = np.intersect1d(part.table.audio_hash, other.table.audio_hash)
    for wanted in common:
        rows = {
            (part.table.text("audio", row), part.table.piece(row)): row
            for row in map(int, part.table.rows_of_hash(wanted))
        }
        for other_row in map(int, other.table.rows_of_hash(wanted)):
            audio = other.table.text("audio", other_row)
            row = rows.get((audio, other.table.piece(other_row)))
            if row is not None and not _is_same(part, row, other, other_row):
                raise ContractError(
                    f"{audio}: different features in {part.table.path} and in "
                    f"{other.table.path}; the audio file has changed since one "
                    "of the stores was made"
                )


def _is_same(part: Part, row: int, other: Part, other_row: int) -> bool:
    stored, others = part.stored(row), other.stored(other_row)
    checksum = stored.shard.checksum(stored.row)
    return checksum == others.shard.checksum(others.row)


# The open stores of this process, so that unpickling many rows opens one store.
_opened: weakref.WeakValueDictionary[Any, Store] = weakref.WeakValueDictionary()


def _reopened(
    folders: tuple[Path, ...], access: Access | None, names: AudioNames
) -> Store:
    store = _opened.get((folders, access, names))
    return store if store is not None else Store(folders, access, names)
