"""Compares the settings of a feature extractor with those of a store."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers import WhisperFeatureExtractor

from melmill._batch import mel
from melmill._store.errors import ContractError
from melmill._store.index import Contract
from melmill._store.store import Store

# Fixed in the code of WhisperFeatureExtractor.
_POWER_FLOOR = 1e-10
_DYNAMIC_RANGE_LOG10 = 8.0

# Compared by name, because older versions of transformers lack the class.
_NATIVE_QWEN3_ASR = "Qwen3ASRFeatureExtractor"

# By feature_size.
_PRESETS = {80: "whisper", 128: "qwen3-asr"}

# The extractor's filters are float64 and made by other code than ours.
_FILTER_TOLERANCE = 1e-6


def check_contract(extractor: Any, store: Store) -> None:
    """Compares the settings of an extractor with those of a store.

    Raises:
      ContractError: They differ. Names each setting that differs.
    """
    kind = type(extractor).__name__
    if kind == _NATIVE_QWEN3_ASR:
        raise ContractError(
            f"{kind}, transformers' own front end of Qwen3-ASR (since 5.13), "
            "is not supported yet; use the processor of the package qwen-asr, "
            "with transformers 4.57"
        )
    if not isinstance(extractor, WhisperFeatureExtractor):
        raise ContractError(
            f"{kind} is not a WhisperFeatureExtractor; the store {store.name} "
            "has the features of that class"
        )
    differences = setting_differences(extractor, store.contract)
    differences += _rule_differences(store.contract)
    differences += _filter_differences(extractor, store.contract)
    raise_if(differences, store)


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
