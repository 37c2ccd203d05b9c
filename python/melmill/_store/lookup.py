"""Finds rows by their audio strings, or by other spellings of a path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from melmill._store.errors import AmbiguousAudioError
from melmill._store.names import AudioNames
from melmill._store.row import Row

if TYPE_CHECKING:
    from melmill._store.split import Split


def find_exact(
    splits: Sequence[Split], names: AudioNames, asked: str
) -> Row | None:
    """The first row with this audio string, or with this path now."""
    for candidate in names.candidates(asked):
        for split in splits:
            index = split.index_of_string(candidate)
            if index is not None:
                return split[index]
    return None


def find(splits: Sequence[Split], names: AudioNames, asked: str) -> Row | None:
    """The row that find_exact() finds, or else that of another spelling.

    Raises:
      AmbiguousAudioError: The store has several other spellings of the path.
    """
    row = find_exact(splits, names, asked)
    if row is not None:
        return row
    found: dict[str, Row] = {}
    for path in names.normalised(asked):
        for split in splits:
            for row in split.rows_of_path(path):
                audio = row.audio
                if audio not in found and names.is_same_file(asked, audio):
                    found[audio] = row
    if len(found) > 1:
        raise AmbiguousAudioError(
            f"{asked}: {splits[0].store} has it in several spellings, "
            f"{', '.join(map(repr, found))}; ask for one of these"
        )
    return next(iter(found.values()), None)


def advice(splits: Sequence[Split], names: AudioNames, asked: str) -> str:
    """Advice for a message about audio that was not found."""
    folders = os.path.abspath(asked).split(os.sep)
    for number in range(2, len(folders)):
        rest = os.sep.join(folders[number:])
        if any(split.index_of_string(rest) is not None for split in splits):
            root = os.sep.join(folders[:number])
            return (
                f"it has {rest!r}: open the store with audio_root={root!r} "
                "(--audio-root)"
            )
    example = next((split[0].audio for split in splits if len(split)), None)
    if example is None:
        return "it has no rows"
    return (
        f"its audio strings look like {example!r}: audio_root (--audio-root) "
        "and path_map of melmill.open say where these are now"
    )
