"""Stand-ins for the samples of clips in a store.

Training scripts load samples with `librosa.load` and pass them to a feature
extractor. While a store is served, `librosa.load` returns a StoredAudio instead
of samples for each clip of the store. An extractor that is bound to the store
(melmill._models.feature_extractor) accepts it.
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
    """A clip of a store, with the shape of its samples at the contract's rate.

    It has a length, but no samples. Using it as samples, by an index, a method
    of arrays, an operator or a function of NumPy or librosa, raises
    MissingSamplesError.

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
    """A store whose clips `librosa.load` returns as StoredAudio.

    Attributes:
      store: The store.
      missing: "error" if a path that is not in the store is an error;
        "compute" if its samples are loaded.
    """

    store: Store
    missing: Missing


# The services of this process, in the order in which they started. A service
# ends with the last extractor that refers to it.
_services: list[weakref.ref[Service]] = []


def serve(store: Store, missing: Missing) -> Service:
    """Makes `librosa.load` serve a store in this process.

    Call it from one thread at a time.

    Returns:
      The service, which lasts as long as there is a reference to it.
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
    import librosa.core.audio  # librosa loads modules only when they are named
    import librosa.util.utils

    module: Any
    for module in (librosa, librosa.core, librosa.core.audio):
        if not hasattr(module.load, _ORIGINAL):
            module.load = _serving(module.load)
    for module in (librosa.util, librosa.util.utils):
        if not hasattr(module.valid_audio, _ORIGINAL):
            module.valid_audio = _refusing(module.valid_audio)


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `librosa.util.valid_audio`.

    librosa's functions call it first. The original would only say that a
    stand-in is not an array.
    """

    @functools.wraps(original)
    def valid_audio(y: Any, *args: Any, **options: Any) -> Any:
        if isinstance(y, StoredAudio):
            y._refuse()
        return original(y, *args, **options)

    setattr(valid_audio, _ORIGINAL, original)
    return valid_audio


def _serving(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `librosa.load`."""

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


# The other arguments of a call that asks for the samples of the store.
_DEFAULTS: dict[str, Any] = {
    "mono": True,
    "offset": 0.0,
    "duration": None,
    "dtype": np.dtype(np.float32),
    "res_type": "soxr_hq",
}


def _services_for(path: object, options: dict[str, Any]) -> list[Service]:
    """The services that have clips as this call asks for them."""
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
    """The stand-in for a clip; None if its samples are to be loaded.

    Raises:
      MissingAudioError: No store has the clip, and none computes.
    """
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
        f'{services[0].store.advice(audio)}; missing="compute" computes its '
        "features"
    )
