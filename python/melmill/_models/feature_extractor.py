"""A feature extractor that takes the features of clips from a store.

Nothing else about the extractor changes: its class has the same name, it is
saved as the same bytes, and it treats samples as before.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import BatchFeature, SequenceFeatureExtractor

from melmill._batch.long_rows import describe_long_rows
from melmill._batch.tensors import padded_tensors
from melmill._models.audio_loaders import (
    Missing,
    Service,
    accept_stand_ins,
    serve,
)
from melmill._models.extractor_form import Form
from melmill._models.extractor_settings import (
    check_contract,
    raise_if,
    setting_differences,
)
from melmill._models.served_processors import longest_clip
from melmill._models.stored_audio import StoredAudio
from melmill._store.errors import ContractError
from melmill._store.row import Row
from melmill._store.store import PathLike, Store
from melmill._store.store import open as open_store

_STORE = "_melmill_store"
_SERVICE = "_melmill_service"


def opened(store: Store | PathLike | Sequence[PathLike]) -> Store:
    """The store itself, or the store at a path, or several stores as one."""
    return store if isinstance(store, Store) else open_store(store)


def bind(extractor: Any, store: Store, service: Service | None = None) -> None:
    """Makes an extractor accept StoredAudio; changes it in place.

    Args:
      extractor: A WhisperFeatureExtractor or a Qwen3ASRFeatureExtractor.
      store: The store that features are taken from.
      service: Kept alive by the extractor, and restarted in each process that
        the extractor is sent to.

    Raises:
      ContractError: The extractor's settings differ from the store's.
    """
    check_contract(extractor, store)
    accept_stand_ins()
    extractor.__class__ = _bound_class(_base_of(type(extractor)))
    vars(extractor).update({_STORE: store, _SERVICE: service})


def unbound(extractor: Any) -> Any:
    """An extractor as before bind(); it shares the values of this one."""
    plain = object.__new__(_base_of(type(extractor)))
    vars(plain).update(_state(extractor))
    return plain


def use_store(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    missing: Missing = "error",
    is_whisper: bool = False,
) -> None:
    """Lets a processor read a store; see melmill.qwen3_asr.use_store.

    Args:
      processor: A processor, or its feature extractor.
      store: The store, its path, or several paths.
      missing: What becomes of a path that is not in the store.
      is_whisper: Whether a feature extractor alone is one of Whisper, which
        cuts clips to 30 s.
    """
    if missing not in ("error", "compute"):
        raise ValueError(f'missing is {missing!r}, not "error" or "compute"')
    store = opened(store)
    store.require_one_row_per_audio()
    extractor = getattr(processor, "feature_extractor", processor)
    check_contract(extractor, store)
    most = longest_clip(processor, extractor)
    if processor is extractor and is_whisper:
        most = extractor.n_samples
    if most is not None:
        found = describe_long_rows([store[name] for name in store], most)
        if found is not None:
            kind = type(processor).__name__
            raise ContractError(f"{store.name}, for {kind}: {found}")
    bind(extractor, store, serve(store, missing))


class StoredBatch(list[StoredAudio]):
    """The stand-ins of a batch, whose features an extractor makes only once.

    The extractor returns the same features for each call: a collator calls a
    processor twice for a batch.

    Attributes:
      dtype: Type of the features.
      batch: What the extractor returned for the first call.
    """

    def __init__(self, rows: Sequence[Row], dtype: torch.dtype) -> None:
        super().__init__(map(StoredAudio, rows))
        self.dtype = dtype
        self.batch: dict[str, Any] | None = None


class BoundExtractor(SequenceFeatureExtractor):  # type: ignore[misc]
    """The methods in which a bound extractor differs from its base."""

    def __call__(self, raw_speech: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(raw_speech, StoredAudio):
            raw_speech = [raw_speech]
        if not _holds_stored(raw_speech):
            _warn_if_unused(vars(self).get(_SERVICE), self)
            return super().__call__(raw_speech, *args, **kwargs)
        if isinstance(raw_speech, StoredBatch) and raw_speech.batch is not None:
            return BatchFeature(dict(raw_speech.batch))
        bound = _signature(_base_of(type(self))).bind(
            self, raw_speech, *args, **kwargs
        )
        bound.apply_defaults()
        batch = self._extract(raw_speech, bound.arguments)
        if isinstance(raw_speech, StoredBatch):
            raw_speech.batch = dict(batch)
        return batch

    def fetch_audio(self, audio: Any, *args: Any, **kwargs: Any) -> Any:
        """What the processors of transformers 5 call before the extractor."""
        if isinstance(audio, StoredBatch):
            return audio
        return super().fetch_audio(audio, *args, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        settings: dict[str, Any] = unbound(self).to_dict()
        return settings

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        store, service = vars(self).get(_STORE), vars(self).get(_SERVICE)
        missing = None if service is None else service.missing
        base = _base_of(type(self))
        return _restored, (base, _state(self), store, missing)

    def _extract(self, audios: Sequence[Any], call: dict[str, Any]) -> Any:
        self._check_call(call)
        form = Form.of(self, call)
        lengths = form.lengths(audios)
        num_samples = self._padded_length(audios, lengths, call)
        num_frames = form.num_frames(num_samples, self.hop_length)
        batch: dict[str, Any] = {
            "input_features": self._features(
                audios, num_samples, num_frames, call
            )
        }
        mask = self._mask(lengths, num_samples, num_frames, call)
        if mask is not None:
            batch["attention_mask"] = mask
        # transformers 5 no longer has this argument.
        if call.get("return_token_timestamps") is not None:
            batch["num_frames"] = [len(a) // self.hop_length for a in audios]
        return BatchFeature(batch, tensor_type=call["return_tensors"])

    def _check_call(self, call: dict[str, Any]) -> None:
        store = vars(self)[_STORE]
        differences = setting_differences(self, store.contract)
        if call.get("do_normalize"):
            differences.append("do_normalize: True in the call and False")
        rate_hz = call["sampling_rate"]
        if rate_hz not in (None, self.sampling_rate):
            differences.append(
                f"sampling_rate: {rate_hz} in the call and {self.sampling_rate}"
            )
        raise_if(differences, store)

    def _padded_length(
        self,
        audios: Sequence[Any],
        lengths: npt.NDArray[np.int64],
        call: dict[str, Any],
    ) -> int:
        """Length of the padded clips in samples."""
        multiple = call["pad_to_multiple_of"] or 1
        max_length = call["max_length"] or self.n_samples
        if call["truncation"]:
            limit = _round_up(max_length, multiple)
            _check_not_truncated(audios, limit)
            lengths = np.minimum(lengths, limit)
        longest = int(lengths.max())
        strategy = self._get_padding_strategies(call["padding"], max_length)
        if strategy == "longest":
            return _round_up(longest, multiple)
        if strategy == "max_length":
            padded = _round_up(max_length, multiple)
            _check_not_truncated(audios, padded)
            return padded
        if lengths.min() != longest:
            raise ValueError(
                "clips of different lengths cannot form a batch without padding"
            )
        return longest

    def _features(
        self,
        audios: Sequence[Any],
        num_samples: int,
        num_frames: int,
        call: dict[str, Any],
    ) -> Any:
        """Features, [clips, n_mels, frames]; in memory frame after frame."""
        stored = [isinstance(audio, StoredAudio) for audio in audios]
        rows = [self._row(a) for a in audios if isinstance(a, StoredAudio)]
        made = padded_tensors(
            rows,
            num_samples=num_samples,
            num_frames=num_frames,
            dtype=getattr(audios, "dtype", torch.float32),
        ).features
        if all(stored):
            return made if call["return_tensors"] == "pt" else made.numpy()
        served = made.numpy()
        samples = [a for a in audios if not isinstance(a, StoredAudio)]
        own = {"n_window": call["n_window"]} if "n_window" in call else {}
        computed = super().__call__(
            samples,
            padding="max_length",
            max_length=num_samples,
            truncation=call["truncation"],
            sampling_rate=self.sampling_rate,
            return_attention_mask=True,
            return_tensors="np",
            **own,
        )["input_features"]
        features = np.empty(
            (len(audios), num_frames, self.feature_size), np.float32
        ).transpose(0, 2, 1)
        features[np.array(stored)] = served
        features[~np.array(stored)] = computed
        return features

    def _row(self, audio: StoredAudio) -> Any:
        store = vars(self)[_STORE]
        if audio.row.split.store is store:
            return audio.row
        return store.find(audio.row.audio)  # the row came from another store

    def _mask(
        self,
        lengths: npt.NDArray[np.int64],
        num_samples: int,
        num_frames: int,
        call: dict[str, Any],
    ) -> npt.NDArray[np.int32] | None:
        """The attention mask, if the base returns one for this call.

        The mask marks frames if the call asks for a mask. If only the setting
        of a WhisperFeatureExtractor asks for it, the mask marks samples, as in
        the base; a Qwen3ASRFeatureExtractor then has none.
        """
        is_asked = call["return_attention_mask"] or call.get("do_normalize")
        if is_asked is None:
            is_asked = self.return_attention_mask and "n_window" not in call
        if not is_asked:
            return None
        if not call["return_attention_mask"]:
            return _marks(lengths, num_samples)
        most = num_samples // self.hop_length
        return _marks(
            np.minimum(-(-lengths // self.hop_length), most), num_frames
        )


@functools.cache
def _bound_class(base: type) -> type:
    """A bound class with the name of its base."""
    return type(
        base.__name__,
        (BoundExtractor, base),
        {"__module__": base.__module__, "__qualname__": base.__qualname__},
    )


def _base_of(kind: type) -> Any:
    """The base of a bound class; any other class itself."""
    return kind.__mro__[2] if kind.__mro__[1] is BoundExtractor else kind


@functools.cache
def _signature(base: type) -> inspect.Signature:
    return inspect.signature(base.__call__)


def _state(extractor: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(extractor).items()
        if name not in (_STORE, _SERVICE)
    }


def _restored(
    base: type,
    state: dict[str, Any],
    store: Store | None,
    missing: Missing | None,
) -> Any:
    """An unpickled extractor; starts the service that it had before."""
    extractor: Any = object.__new__(base)
    vars(extractor).update(state)
    if store is not None:
        service = None if missing is None else serve(store, missing)
        bind(extractor, store, service)
    return extractor


def _marks(
    num_valid: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.int32]:
    marks: npt.NDArray[np.int32]
    marks = (np.arange(length) < num_valid[:, None]).astype(np.int32)
    return marks


def _holds_stored(raw_speech: object) -> bool:
    return isinstance(raw_speech, list | tuple) and any(
        isinstance(audio, StoredAudio) for audio in raw_speech
    )


# So many paths outside the store are no accident, with missing="compute".
_MANY_MISSING = 32


def _warn_if_unused(service: Service | None, extractor: Any) -> None:
    """Warns once if an extractor computes features and reads no store."""
    if service is None or service.calls.has_warned:
        return
    calls = service.calls
    if calls.num_stored or 0 < calls.num_missing < _MANY_MISSING:
        return
    if calls.num_missing:
        reason = (
            f"none of {calls.num_missing} audio files is in the store, such as "
            f"{calls.first_missing}; "
            + service.store.advice(calls.first_missing)
        )
    else:
        reason = (
            "the samples were loaded by neither librosa.load(path, sr=16000) "
            "nor transformers' load_audio. datasets.Audio decodes files "
            "itself; docs/training.md (Whisper) shows what to change"
        )
    calls.has_warned = True
    warnings.warn(
        f"{type(extractor).__name__} computes features, and has read none "
        f"from the store {service.store.name}: {reason}",
        stacklevel=3,
    )


def _check_not_truncated(audios: Sequence[Any], limit: int) -> None:
    for audio in audios:
        if isinstance(audio, StoredAudio) and len(audio) > limit:
            row = audio.row
            raise ContractError(
                f"{row.audio} (row {row.index} of split {row.split.name}) has "
                f"{len(audio)} samples, more than {limit}; a store cannot "
                "truncate clips"
            )


def _round_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
