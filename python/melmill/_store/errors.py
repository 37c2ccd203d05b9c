"""What can be wrong with a store, or with what is asked of it."""

from __future__ import annotations

import errno


class StoreError(Exception):
    """Something is wrong with a store; the message names file and field."""


class UnfinishedStoreError(StoreError):
    """The folder has no store.json: no run has finished there."""


class FormatError(StoreError):
    """Not a melmill store, or one of a format that this version cannot read."""


class ContractError(StoreError):
    """The numbers mean something else than what they are wanted for."""


class DifferenceError(StoreError):
    """A store gives other numbers than the model's own code."""


class DamagedStoreError(StoreError):
    """A file is missing, damaged, or contradicts another."""


class StoreReadError(StoreError):
    """The system could not read a file: a vanished mount, a failing disk."""

    @classmethod
    def of(cls, path: object, error: OSError) -> StoreReadError:
        """The error for a file that the system refuses to read."""
        code = errno.errorcode.get(error.errno or 0, f"errno {error.errno}")
        return cls(f"{path}: cannot be read: {error.strerror} ({code})")


class MissingSplitError(StoreError, KeyError):
    """The store has no split of that name."""

    __str__ = Exception.__str__


class MissingAudioError(StoreError, KeyError):
    """No row has that audio."""

    __str__ = Exception.__str__


class AmbiguousAudioError(StoreError):
    """A path has several spellings in the store, none of them asked for."""


class MissingSamplesError(StoreError, TypeError, AttributeError):
    """A stand-in for stored audio was asked for samples."""


class RowIndexError(StoreError, IndexError):
    """The split has fewer rows."""
