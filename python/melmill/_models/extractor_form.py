"""What a feature extractor does to a batch beyond zeros up to one length."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of a batch of one call.

    Attributes:
      least_samples: Shorter clips are padded to this many samples first, and
        those zeros count as the clip's.
      frame_multiple: After the features, frames of 0.0 that no mask marks
        follow until their number can be divided by this.
    """

    least_samples: int = 0
    frame_multiple: int = 1

    @classmethod
    def of(cls, extractor: Any, call: dict[str, Any]) -> Form:
        """That of an extractor for the arguments of a call."""
        in_call: int | None = call.get("n_window")
        own: int = getattr(extractor, "n_window", 0)
        n_window = own if in_call is None else in_call
        return cls(getattr(extractor, "min_length", 0), max(1, 2 * n_window))

    def lengths(self, audios: Sequence[Any]) -> npt.NDArray[np.int64]:
        """Number of samples of each clip, [clips]."""
        lengths = np.array([len(audio) for audio in audios], np.int64)
        return np.maximum(lengths, self.least_samples)

    def num_frames(self, num_samples: int, hop_length: int) -> int:
        """Number of frames of clips that are padded to num_samples."""
        num_frames = num_samples // hop_length
        return -(-num_frames // self.frame_multiple) * self.frame_multiple
