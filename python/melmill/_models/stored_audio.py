"""Audio that stands in a store, in place of its samples.

Training scripts load samples with `librosa.load` and hand them to a feature
extractor. While a store is served, `librosa.load` gives a StoredAudio instead
of samples for each clip of the store; an extractor that is bound to the store
(melmill._models.feature_extractor) knows it.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
import os
import weakref
from collections.abc import Callable
from typing import Any, Literal, NoReturn

import numpy as np

from melmill._store.errors import MissingAudioError, MissingSamplesError
from melmill._store.row import Row
from melmill._store.store import Store

Missing = Literal["error", "compute"]


class StoredAudio:
    """A clip of a store, shaped like its samples at the contract's rate.

    Has the length of the samples, but no samples: whatever asks for one, by an
    index, a method of arrays, an operator or a function of NumPy or librosa,
    gets a MissingSamplesError.

    Attributes:
      row: The row of the store.
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

    def __getattr__(self, name: str) -> NoReturn:
        # Of arrays and tensors. hasattr() asks for it too, and for others.
        if name.startswith("_") or name == "row":
            raise AttributeError(f"a stand-in for audio has no {name}")
        self._refuse()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        """Raises MissingSamplesError, whatever was asked for."""
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
    *("array", "array_ufunc", "getitem", "setitem", "delitem", "iter"),
    *("reversed", "contains", "lt", "le", "gt", "ge", "neg", "pos", "abs"),
    *("invert", "bool", "int", "float", "complex", "round", "trunc", "floor"),
    *("ceil", "bytes"),
    *_BINARY,
    *(f"r{name}" for name in _BINARY),
)
for _name in _REFUSED:
    setattr(StoredAudio, f"__{_name}__", StoredAudio._refuse)


@dataclasses.dataclass(frozen=True)
class Service:
    """A store whose clips `librosa.load` gives as StoredAudio.

    Attributes:
      store: The store.
      missing: What becomes of a path that is not in it: "error", or "compute",
        which loads its samples.
    """

    store: Store
    missing: Missing


# In this process, in the order in which they began. A service ends when the
# last extractor that has it is gone.
_services: list[weakref.ref[Service]] = []


def serve(store: Store, missing: Missing) -> Service:
    """Has `librosa.load` serve a store, in this process.

    Returns:
      What must be kept for as long as this is wanted.
    """
    _install()
    wanted = Service(store, missing)
    alive = _alive()
    if wanted in alive:
        return alive[alive.index(wanted)]
    _services[:] = [weakref.ref(service) for service in [*alive, wanted]]
    return wanted


def _alive() -> list[Service]:
    return [service for known in _services if (service := known()) is not None]


_ORIGINAL = "melmill_original"


def original_load() -> Callable[..., Any]:
    """The `librosa.load` that loads samples."""
    import librosa

    load: Callable[..., Any] = librosa.load
    return getattr(load, _ORIGINAL, load)


def _install() -> None:
    import librosa.core.audio  # librosa loads its modules when they are named
    import librosa.util.utils

    module: Any
    for module in (librosa, librosa.core, librosa.core.audio):
        if not hasattr(module.load, _ORIGINAL):
            module.load = _serving(module.load)
    for module in (librosa.util, librosa.util.utils):
        if not hasattr(module.valid_audio, _ORIGINAL):
            module.valid_audio = _refusing(module.valid_audio)


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function in place of `librosa.util.valid_audio`.

    librosa's functions ask it first, and it would say no more than that
    stand-ins are no arrays.
    """

    @functools.wraps(original)
    def valid_audio(y: Any, *args: Any, **options: Any) -> Any:
        if isinstance(y, StoredAudio):
            y._refuse()
        return original(y, *args, **options)

    setattr(valid_audio, _ORIGINAL, original)
    return valid_audio


def _serving(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function in place of `librosa.load`."""

    @functools.wraps(original)
    def load(path: Any, **options: Any) -> Any:
        services = _services_for(path, options)
        if services:
            audio = _find(os.fsdecode(path), services)
            if audio is not None:
                return audio, options["sr"]
        return original(path, **options)

    setattr(load, _ORIGINAL, original)
    return load


# All that may be said beside sr and still mean the samples of the store.
_DEFAULTS: dict[str, Any] = {
    "mono": True,
    "offset": 0.0,
    "duration": None,
    "dtype": np.dtype(np.float32),
    "res_type": "soxr_hq",
}


def _services_for(path: object, options: dict[str, Any]) -> list[Service]:
    """The services to ask for a clip that is loaded in this way."""
    if not isinstance(path, str | bytes | os.PathLike):
        return []
    meant = {**_DEFAULTS, "sr": None, **options}
    rate_hz = meant.pop("sr")
    meant["dtype"] = np.dtype(meant["dtype"])
    if meant != _DEFAULTS:
        return []
    return [
        service
        for service in _alive()
        if service.store.contract.sample_rate_hz == rate_hz
    ]


def _find(audio: str, services: list[Service]) -> StoredAudio | None:
    """The clip; None if its samples are to be loaded instead."""
    for service in services:
        row = service.store.find_exact(audio)
        if row is not None:
            return StoredAudio(row)
    for service in services:
        try:
            return StoredAudio(service.store.find(audio))
        except MissingAudioError:
            continue
    if any(service.missing == "compute" for service in services):
        return None
    stores = ", ".join(str(service.store) for service in services)
    raise MissingAudioError(
        f"{audio}: not in the store {stores}; "
        f'{services[0].store.advice(audio)}; with missing="compute" its '
        "features are computed"
    )
