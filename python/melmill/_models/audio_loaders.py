"""Lets the functions that load audio return stand-ins for stored clips.

Training scripts load samples with `librosa.load`, or leave that to a processor
of transformers, which calls `transformers.audio_utils.load_audio`. While a
store is served, both return a StoredAudio for each clip of the store.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import transformers.audio_utils

from melmill._models.stored_audio import StoredAudio
from melmill._store.errors import MissingAudioError
from melmill._store.store import Store

Missing = Literal["error", "compute"]


@dataclasses.dataclass
class Calls:
    """What a service was asked for.

    Attributes:
      num_stored: Number of clips for which it gave a stand-in.
      num_missing: Number of paths that are not in its store.
      first_missing: The first of those.
      has_warned: Whether a warning said that the store is not read.
    """

    num_stored: int = 0
    num_missing: int = 0
    first_missing: str = ""
    has_warned: bool = False


@dataclasses.dataclass(frozen=True)
class Service:
    """A store whose clips the loading functions return as StoredAudio.

    Attributes:
      store: The store.
      missing: "error" if a path that is not in the store is an error;
        "compute" if its samples are loaded.
      calls: What was asked for in this process.
    """

    store: Store
    missing: Missing
    calls: Calls = dataclasses.field(
        default_factory=Calls, compare=False, repr=False
    )


# The services of this process, in the order in which they started. A service
# ends with the last extractor that refers to it.
_services: list[weakref.ref[Service]] = []


def serve(store: Store, missing: Missing) -> Service:
    """Makes the loading functions serve a store in this process.

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

    for module in (librosa, librosa.core, librosa.core.audio):
        _replace(module, "load", _serving_librosa)
    for module in (librosa.util, librosa.util.utils):
        _replace(module, "valid_audio", _refusing)
    _replace_everywhere(
        transformers.audio_utils, "load_audio", _serving_transformers
    )


def accept_stand_ins() -> None:
    """Lets the processors of transformers 5 hand on stand-ins."""
    _replace_everywhere(transformers.audio_utils, "is_valid_audio", _accepting)


_Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


def _replace(module: Any, name: str, wrapper: _Wrapper) -> None:
    """Replaces a function of a module, unless that was done before."""
    original = getattr(module, name)
    if not hasattr(original, _ORIGINAL):
        replacement = functools.wraps(original)(wrapper(original))
        setattr(replacement, _ORIGINAL, original)
        setattr(module, name, replacement)


def _replace_everywhere(home: Any, name: str, wrapper: _Wrapper) -> None:
    """The same in modules that have imported the function by its name."""
    _replace(home, name, wrapper)
    replacement = getattr(home, name)
    original = getattr(replacement, _ORIGINAL)
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(name) is original:
            setattr(module, name, replacement)


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `librosa.util.valid_audio`.

    librosa's functions call it first. The original would only say that a
    stand-in is not an array.
    """

    def valid_audio(y: Any, *args: Any, **options: Any) -> Any:
        if isinstance(y, StoredAudio):
            y._refuse()
        return original(y, *args, **options)

    return valid_audio


def _accepting(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `transformers.audio_utils.is_valid_audio`."""

    def is_valid_audio(audio: Any) -> Any:
        return isinstance(audio, StoredAudio) or original(audio)

    return is_valid_audio


def _serving_librosa(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `librosa.load`."""

    def load(path: Any, **options: Any) -> Any:
        services = _services_for(path, options)
        if services:
            audio = _find(os.fsdecode(path), services)
            if audio is not None:
                return audio, options["sr"]
        return original(path, **options)

    return load


def _serving_transformers(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for `transformers.audio_utils.load_audio`."""

    def load_audio(
        audio: Any, sampling_rate: Any = 16000, *args: Any, **options: Any
    ) -> Any:
        if isinstance(audio, StoredAudio):
            return audio
        if _may_name_audio(audio):
            services = _services_of_rate(sampling_rate)
            stored = _find(audio, services) if services else None
            if stored is not None:
                _warn_of_other_resamplers(options.get("backend", "auto"))
                return stored
        return original(audio, sampling_rate, *args, **options)

    return load_audio


# More bytes than any path has. load_audio also takes audio itself, in base64.
_LONGEST_PATH = 4096


def _may_name_audio(audio: object) -> bool:
    return (
        isinstance(audio, str)
        and len(audio) < _LONGEST_PATH
        and not audio.startswith("data:")
    )


def _warn_of_other_resamplers(backend: str) -> None:
    """Warns once if load_audio would not resample as a store does."""
    if backend == "auto":
        has_torchcodec = importlib.util.find_spec("torchcodec") is not None
        backend = "torchcodec" if has_torchcodec else "soundfile"
    if backend in ("torchcodec", "torchaudio") and backend not in _warned:
        _warned.add(backend)
        warnings.warn(
            f"transformers' load_audio would use {backend} here, which "
            "resamples in another way than librosa and melmill; the features "
            "of the store differ from its features, but for files of 16 kHz. "
            'load_audio_backend="soundfile" gives a processor the samples that '
            "the store was made from, where the model is used later",
            stacklevel=3,
        )


_warned: set[str] = set()

# The other arguments of a call that asks for the samples of the store.
_DEFAULTS: dict[str, Any] = {
    "mono": True,
    "offset": 0.0,
    "duration": None,
    "dtype": np.dtype(np.float32),
    "res_type": "soxr_hq",
}


def _services_for(path: object, options: dict[str, Any]) -> list[Service]:
    """The services that have clips as this call of librosa.load asks."""
    if not isinstance(path, str | bytes | os.PathLike):
        return []
    meant = {**_DEFAULTS, "sr": None, **options}
    rate_hz = meant.pop("sr")
    meant["dtype"] = np.dtype(meant["dtype"])
    return _services_of_rate(rate_hz) if meant == _DEFAULTS else []


def _services_of_rate(rate_hz: object) -> list[Service]:
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
            service.calls.num_stored += 1
            return StoredAudio(row)
    for service in services:
        try:
            stored = StoredAudio(service.store.find(audio))
        except MissingAudioError:
            continue
        service.calls.num_stored += 1
        return stored
    for service in services:
        service.calls.first_missing = service.calls.first_missing or audio
        service.calls.num_missing += 1
    if any(service.missing == "compute" for service in services):
        return None
    stores = ", ".join(str(service.store) for service in services)
    raise MissingAudioError(
        f"{audio}: not in the store {stores}; "
        f'{services[0].store.advice(audio)}; missing="compute" computes its '
        "features"
    )
