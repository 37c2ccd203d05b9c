"""Compares the settings of a feature extractor with those of a store."""

from __future__ import annotations

from typing import Any

import numpy as np

from melmill._batch import mel
from melmill._store.errors import ContractError
from melmill._store.index import Contract
from melmill._store.store import Store

# The class that a bound extractor has beside its own.
BOUND = "BoundExtractor"

# Fixed in the code of the classes that are served.
_POWER_FLOOR = 1e-10
_DYNAMIC_RANGE_LOG10 = 8.0

# The classes that are served, by name: older versions of transformers lack the
# second, which is their own of Qwen3-ASR.
SERVED = ("WhisperFeatureExtractor", "Qwen3ASRFeatureExtractor")

# By feature_size.
_PRESETS = {80: "whisper", 128: "qwen3-asr"}

# The extractor's filters are float64 and made by other code than ours.
_FILTER_TOLERANCE = 1e-6


def check_contract(extractor: Any, store: Store) -> None:
    """Compares the settings of an extractor with those of a store.

    Raises:
      ContractError: They differ. Names each setting that differs.
    """
    if _front_end(extractor) not in SERVED:
        raise ContractError(
            f"{type(extractor).__name__} is not served: the store {store.name} "
            f"has the features of {' and '.join(SERVED)}"
        )
    differences = setting_differences(extractor, store.contract)
    differences += _rule_differences(store.contract)
    differences += _filter_differences(extractor, store.contract)
    raise_if(differences, store)


def _front_end(extractor: Any) -> str:
    """The class whose code computes the features; a subclass may have its own.

    A bound extractor is what it was before.
    """
    names = [
        base.__name__
        for base in type(extractor).__mro__
        if "__call__" in vars(base) and base.__name__ != BOUND
    ]
    return names[0] if names else ""


def setting_differences(extractor: Any, contract: Contract) -> list[str]:
    """Where attributes of an extractor differ, one line of text each."""
    expected: dict[str, Any] = {
        "feature_size": contract.n_mels,
        "sampling_rate": contract.sample_rate_hz,
        "n_fft": contract.n_fft,
        "hop_length": contract.hop_length,
        "padding_value": 0.0,
        "padding_side": "right",
        "dither": 0.0,
    }
    pairs = [
        (name, getattr(extractor, name, value), value)
        for name, value in expected.items()
    ]
    return [
        f"{name}: {actual!r} and {value!r}{_advice(name, actual)}"
        for name, actual, value in pairs
        if actual != value
    ]


def _advice(name: str, actual: Any) -> str:
    """How to make a store with this setting, if there is a preset for it."""
    preset = _PRESETS.get(actual) if name == "feature_size" else None
    if preset is None:
        return ""
    return f" (melmill extract --preset {preset} makes a store with {actual})"


def _rule_differences(contract: Contract) -> list[str]:
    """Where a contract differs from constants in the extractor's code."""
    pairs = [
        ("power_floor", _POWER_FLOOR, contract.power_floor),
        (
            "dynamic_range_log10",
            _DYNAMIC_RANGE_LOG10,
            contract.dynamic_range_log10,
        ),
    ]
    return [
        f"{name}: {fixed!r} and {value!r}"
        for name, fixed, value in pairs
        if fixed != value
    ]


def _filter_differences(extractor: Any, contract: Contract) -> list[str]:
    """Where the mel filters differ."""
    filters = np.asarray(extractor.mel_filters)
    expected = mel.filter_bank(contract)
    if filters.shape != expected.shape:
        return [f"mel_filters: shape {filters.shape} and {expected.shape}"]
    difference = float(np.abs(filters - expected).max())
    if difference <= _FILTER_TOLERANCE:
        return []
    return [f"mel_filters: differ by up to {difference:.2g}"]


def raise_if(differences: list[str], store: Store) -> None:
    """Raises ContractError if there are differences."""
    if differences:
        raise ContractError(
            f"the feature extractor and the store {store.name} have different "
            f"settings: {'; '.join(differences)}"
        )
