"""Errors of a store, and of what is asked of it."""

from __future__ import annotations

import errno


class StoreError(Exception):
    """Base of all errors of a store; the message names file and field."""


class UnfinishedStoreError(StoreError):
    """The folder has no store.json: no run has finished there."""


class FormatError(StoreError):
    """Not a melmill store, or one in a format that this version cannot read."""


class ContractError(StoreError):
    """The features were made with other settings than the ones needed."""


class DifferenceError(StoreError):
    """A store has other features than the model's own code computes."""


class DamagedStoreError(StoreError):
    """A file is missing or damaged, or contradicts another file."""


class StoreReadError(StoreError):
    """The system could not read a file: a lost mount, a failing disk."""

    @classmethod
    def of(cls, path: object, error: OSError) -> StoreReadError:
        """The error for a file that the system could not read."""
        code = errno.errorcode.get(error.errno or 0, f"errno {error.errno}")
        return cls(f"{path}: cannot be read: {error.strerror} ({code})")


class MissingSplitError(StoreError, KeyError):
    """The store has no split with this name."""

    __str__ = Exception.__str__


class MissingAudioError(StoreError, KeyError):
    """No row has this audio."""

    __str__ = Exception.__str__


class AmbiguousAudioError(StoreError):
    """The store has several spellings of a path, or several pieces of it."""


class MissingSamplesError(StoreError, TypeError, AttributeError):
    """A stand-in for stored audio was used as samples."""


class RowIndexError(StoreError, IndexError):
    """The split has no row with this number."""
