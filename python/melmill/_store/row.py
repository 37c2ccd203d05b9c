"""A row of a split: a clip, its features, its text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from melmill._store.errors import StoreError
from melmill._store.part import Part
from melmill._store.shard import StoredRow
from melmill._store.table import Piece

if TYPE_CHECKING:
    from melmill._store.split import Split

_MARKER = "<asr_text>"
_LANGUAGE = "language "
_MOST_LETTERS = 80


def take_apart(text: str) -> tuple[str | None, str]:
    """Splits "language {Name}<asr_text>{words}" into language and words.

    The language is None if its name is "None". Any other text is all words,
    and its language is None.
    """
    marked, marker, words = text.partition(_MARKER)
    if not marker:
        return None, text
    name = marked.removeprefix(_LANGUAGE).strip()
    is_named = marked.startswith(_LANGUAGE) and name != "None"
    return (name if is_named else None), words


def shortened(text: str) -> str:
    """The text, or its beginning if it is long."""
    if len(text) <= _MOST_LETTERS:
        return text
    return text[: _MOST_LETTERS - 3] + "..."


def stored_rows(rows: Sequence[Row]) -> list[StoredRow]:
    """Row.stored of each row, in less time."""
    places = [row.split.place(row.index) for row in rows]
    parts = {part for part, _ in places}
    if len(parts) == 1:
        return parts.pop().stored_rows([at for _, at in places])
    return [part.stored(at) for part, at in places]


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One clip; its data is read when it is used, and not kept.

    Rows can be pickled, and threads and forked processes can share them. Each
    property raises DamagedStoreError or StoreReadError if the store cannot be
    read.

    Attributes:
      split: The split that the row belongs to.
      index: The row's number in the split, from 0, in the manifest's order.
    """

    split: Split
    index: int

    def __repr__(self) -> str:
        place = f"melmill row {self.index} of split {self.split.name!r}"
        try:
            return (
                f"<{place}: {self.audio}, {self.duration_s:.2f} s, "
                f"{self.language or 'no language'}, "
                f"{shortened(self.transcript)!r}>"
            )
        except StoreError:  # a damaged table
            return f"<{place}>"

    def _repr_html_(self) -> str:
        from melmill._view import html

        return html.of_row(self)

    @property
    def features(self) -> npt.NDArray[Any]:
        """Log-mel features of this clip alone, [num_frames, n_mels].

        These equal what the model's own extractor computes for one clip without
        padding. Values are -1.5 to about 2.0. The type is float16 or float32 as
        stored, and float32 for a bfloat16 or uint8 store.

        If the store is mapped, this is a read-only view of the file, except for
        bfloat16, uint8, and about 1 in 4,000 rows, whose quietest features must
        be raised. In all other cases it is a new array.
        """
        part, at = self._place
        return part.features(at)

    @property
    def features32(self) -> npt.NDArray[np.float32]:
        """The features as float32, in a new array that may be changed.

        NumPy adds float16 numbers in float16, which overflows in sums over long
        clips.
        """
        return np.array(self.features, np.float32)

    @property
    def num_frames(self) -> int:
        """Number of analysis frames, num_samples // hop_length, at least 1."""
        part, at = self._place
        return int(part.table.num_frames[at])

    @property
    def num_samples(self) -> int:
        """Number of samples at the contract's rate (16 kHz), at least 201."""
        part, at = self._place
        return int(part.table.num_samples[at])

    @property
    def duration_s(self) -> float:
        """Length of the clip in seconds."""
        return self.num_samples / self.split.contract.sample_rate_hz

    @property
    def text(self) -> str:
        """`text` of the manifest line; empty if it had none."""
        return self._text("text")

    @property
    def language(self) -> str | None:
        """The language that the text names; None if it names none or "None"."""
        return take_apart(self.text)[0]

    @property
    def transcript(self) -> str:
        """The words: the text after its language."""
        return take_apart(self.text)[1]

    @property
    def audio(self) -> str:
        """`audio` of the manifest line, as written there."""
        return self._text("audio")

    @property
    def audio_path(self) -> Path:
        """The path of the audio now, after path_map and audio_root.

        Of audio at a URL it is that of its local copy.
        """
        part, at = self._place
        return Path(self.split.names.path(part.table.written_path(at)))

    @property
    def piece(self) -> Piece:
        """Which piece of its audio file the row is, in samples and bytes."""
        part, at = self._place
        return part.table.piece(at)

    @property
    def source_rate_hz(self) -> int:
        """Sample rate of the audio file; 0 in a store of whole files."""
        part, at = self._place
        return int(part.table.source_rate[at])

    @property
    def segment_start_s(self) -> float:
        """Where the row starts in its audio, in seconds; 0 for all of it."""
        return self.piece.start / max(self.source_rate_hz, 1)

    @property
    def prompt(self) -> str:
        """`prompt` of the manifest line; empty if it had none."""
        return self._text("prompt")

    @property
    def kept(self) -> dict[str, Any]:
        """The fields of `melmill extract --keep`, by name.

        The value is None if the line has no such field.
        """
        part, at = self._place
        fields = part.table.kept_fields
        return {field: part.table.kept(field, at) for field in fields}

    @property
    def line(self) -> int:
        """Line of the manifest, from 1."""
        part, at = self._place
        return int(part.table.line[at])

    @property
    def body_max(self) -> float:
        """Largest log10 mel power of frames that do not touch the end."""
        return self.stored.body_max

    @property
    def peak(self) -> float | None:
        """Largest absolute sample of the audio, at its own rate; 1 is full.

        Of several channels it is that of their mean. None if the row was stored
        by a version of melmill that did not keep it.
        """
        stored = self.stored
        return stored.shard.peak(stored.row)

    @property
    def floor(self) -> float:
        """Least value of `features`, on their scale."""
        return self.stored.floor

    @property
    def tail_samples(self) -> npt.NDArray[np.float32]:
        """The clip's last samples, [tail_length], -1 to 1.

        Zeros come first if the clip is shorter.
        """
        part, at = self._place
        return part.tail_samples(at)

    @property
    def stored(self) -> StoredRow:
        """The place of the row in its shard."""
        part, at = self._place
        return part.stored(at)

    def read_stored(self) -> npt.NDArray[Any]:
        """The features as stored, [num_frames, n_mels], in a new array.

        They are clamped at the floor of body_max alone, so every padded form
        can be computed from them. bfloat16 is returned as its bits, uint16,
        and uint8 as steps from the floor.
        """
        part, at = self._place
        return part.read_stored(at)

    def plot(self, axes: Any = None) -> Any:
        """Draws the features with matplotlib, by time and frequency.

        Args:
          axes: Where to draw. None: a new figure, with a scale of colours.

        Returns:
          The axes; `axes.figure.savefig(path)` writes the figure.
        """
        from melmill._view import plot

        return plot.draw(self, axes)

    @property
    def _place(self) -> tuple[Part, int]:
        return self.split.place(self.index)

    def _text(self, name: str) -> str:
        part, at = self._place
        return part.table.text(name, at)
