"""Stand-ins for the samples of clips in a store.

While a store is served, functions that load audio return a StoredAudio instead
of samples for each clip of the store (melmill._models.audio_loaders). A feature
extractor that is bound to the store (melmill._models.feature_extractor) accepts
it.
"""

from __future__ import annotations

import numbers
from typing import NoReturn

import numpy as np

from melmill._store.errors import MissingSamplesError
from melmill._store.row import Row


class StoredAudio:
    """A clip of a store, with the shape of its samples at the contract's rate.

    It has a length, but no samples. Using it as samples, by an index, a method
    of arrays, an operator or a function of NumPy or librosa, raises
    MissingSamplesError. Only a slice of all samples is the stand-in itself:
    processors and scripts cut clips to a length that most of them do not reach.

    Attributes:
      row: The row in the store.
      shape: (number of samples,).
      size: Number of samples.
      ndim: 1.
      dtype: float32.
    """

    ndim = 1
    dtype = np.dtype(np.float32)

    def __init__(self, row: Row) -> None:
        self.row = row
        self.shape = (row.num_samples,)
        self.size = row.num_samples

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<stored audio {self.row.audio!r}, {len(self)} samples>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, np.ndarray | np.generic | numbers.Number):
            self._refuse()
        return self is other

    __hash__ = object.__hash__

    def __getitem__(self, index: object) -> StoredAudio:
        whole = range(len(self))
        if isinstance(index, slice) and whole[index] == whole:
            return self
        self._refuse()

    def __getattr__(self, name: str) -> NoReturn:
        # Other code only probes for private names, and `row` is missing while
        # a stand-in is unpickled. Any other name is one of arrays or tensors.
        if name.startswith("_") or name == "row":
            raise AttributeError(f"a stand-in for audio has no {name}")
        self._refuse()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        """Raises MissingSamplesError; takes the arguments of any method."""
        raise MissingSamplesError(
            f"{self.row.audio}: the samples are not stored; the store "
            f"{self.row.split.store} has its features, for the feature "
            "extractor that was given to use_store"
        )


_BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("matmul", "lshift", "rshift", "and", "or", "xor"),
)
_REFUSED = (
    *("array", "array_ufunc", "setitem", "delitem", "iter"),
    *("reversed", "contains", "lt", "le", "gt", "ge", "neg", "pos", "abs"),
    *("invert", "bool", "int", "float", "complex", "round", "trunc", "floor"),
    *("ceil", "bytes"),
    *_BINARY,
    *(f"r{name}" for name in _BINARY),
)
for _name in _REFUSED:
    setattr(StoredAudio, f"__{_name}__", StoredAudio._refuse)
