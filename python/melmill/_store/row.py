"""One row of a split: a clip, its features, its text."""

from __future__ import annotations

import dataclasses
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from melmill._store.part import Part
from melmill._store.shard import StoredRow

if TYPE_CHECKING:
    from melmill._store.split import Split

_MARKER = "<asr_text>"
_LANGUAGE = "language "
_TITLE_WIDTH = 120  # letters in a line above a plot


def take_apart(text: str) -> tuple[str | None, str]:
    """Language and words of "language {Name}<asr_text>{words}".

    Other texts are words of no language, and so are those of "None".
    """
    marked, marker, words = text.partition(_MARKER)
    if not marker:
        return None, text
    name = marked.removeprefix(_LANGUAGE).strip()
    is_named = marked.startswith(_LANGUAGE) and name != "None"
    return (name if is_named else None), words


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One clip. Nothing is read before it is asked for, nothing is kept.

    Attributes:
      split: The split that it belongs to.
      index: Its number there, from 0, in the order of the manifest.
    """

    split: Split
    index: int

    @property
    def features(self) -> npt.NDArray[Any]:
        """Log-mel features of this clip alone, [num_frames, n_mels].

        What the model's own extractor gives for one utterance without padding:
        -1.5 to about 2.0, float16 or float32 as stored; float32 for a bfloat16
        store. A read-only view of the mapped file where the store is mapped
        (but for some 1 in 4,000 rows, whose quietest features must be raised,
        and for bfloat16), else an array of one's own.
        """
        part, at = self._place
        return part.features(at)

    @property
    def num_frames(self) -> int:
        """Analysis frames, num_samples // hop_length, at least 1."""
        part, at = self._place
        return int(part.table.num_frames[at])

    @property
    def num_samples(self) -> int:
        """Samples of the clip at the contract's rate (16 kHz), at least 201."""
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
        """Language that the text names; None if it names none, or "None"."""
        return take_apart(self.text)[0]

    @property
    def transcript(self) -> str:
        """The words: the text behind its language."""
        return take_apart(self.text)[1]

    @property
    def audio(self) -> str:
        """`audio` of the manifest line, as written there."""
        return self._text("audio")

    @property
    def audio_path(self) -> Path:
        """Where the audio is now, after audio_root and path_map."""
        return Path(self.split.names.path(self.audio))

    @property
    def prompt(self) -> str:
        """`prompt` of the manifest line; empty if it had none."""
        return self._text("prompt")

    @property
    def kept(self) -> dict[str, Any]:
        """The fields that `melmill extract --keep` stored."""
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
        """Largest log10 mel power of the frames that do not touch the end."""
        return self.stored.body_max

    @property
    def floor(self) -> float:
        """Least value of `features`, on their scale."""
        return self.stored.floor

    @property
    def tail_samples(self) -> npt.NDArray[np.float32]:
        """The clip's last samples, [tail_length], -1 to 1, zeros in front."""
        part, at = self._place
        return part.tail_samples(at)

    @property
    def stored(self) -> StoredRow:
        """Where the row lies."""
        part, at = self._place
        return part.stored(at)

    def read_stored(self) -> npt.NDArray[Any]:
        """The features as they are stored, in memory of one's own.

        [num_frames, n_mels]; clamped at the floor of body_max alone, so every
        padded form can be made of them. bfloat16 is shown as its bits, uint16.
        """
        part, at = self._place
        return part.read_stored(at)

    def plot(self, axes: Any = None) -> Any:
        """Draws the features with matplotlib; returns the axes."""
        if axes is None:
            from matplotlib import pyplot

            axes = pyplot.figure(figsize=(10, 3)).add_subplot()
        contract = self.split.contract
        hop_s = contract.hop_length / contract.sample_rate_hz
        axes.imshow(
            self.features.T.astype(np.float32),
            aspect="auto",
            origin="lower",
            extent=(0, self.num_frames * hop_s, 0, contract.n_mels),
        )
        axes.set_xlabel("time / s")
        axes.set_ylabel("mel")
        title = f"{os.path.basename(self.audio)}: {self.transcript}"
        axes.set_title(textwrap.fill(title, _TITLE_WIDTH), fontsize=9)
        return axes

    @property
    def _place(self) -> tuple[Part, int]:
        return self.split.place(self.index)

    def _text(self, name: str) -> str:
        part, at = self._place
        return part.table.text(name, at)
