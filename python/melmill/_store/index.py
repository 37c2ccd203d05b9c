"""store.json: the settings of a store, and its files."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from melmill._store import narrow_types
from melmill._store.errors import (
    ContractError,
    DamagedStoreError,
    FormatError,
    StoreReadError,
    UnfinishedStoreError,
)

FILE_NAME = "store.json"
FORMAT_MAJORS = (1, 2)
_MAJOR_WITH_PIECES = 2
_CHECKSUM_LINES_BYTES = 35  # the last two lines, which hold the checksum

# The rules that this reader knows. It refuses a field with another value.
_KNOWN_RULES = {
    "features": "log-mel",
    "version": 1,
    "window": "hann",
    "padding": "reflect",
    "clamp": "body-max",
    "scaling": "(x+4)/4",
}
# Fields of the contract that say how much memory features and batches take.
_SIZES = ("sample_rate_hz", "n_fft", "hop_length", "n_mels", "tail_length")
_MAX_SIZE = 1 << 20
# The bytes of a stored feature, by its type.
FEATURE_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "u8": 1}
# Further rules of a type of features: fields that other contracts do not have.
_RULES_OF_TYPES = {
    "u8": {
        "feature_step": narrow_types.BYTE_STEP,
        "feature_error": narrow_types.BYTE_LARGEST_ERROR,
    }
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contract:
    """The settings that say what features mean; docs/numerics.md has the rules.

    Attributes:
      features: Always "log-mel".
      version: Counts changes of the rules that no other field shows.
      sample_rate_hz: Rate at which the features were computed.
      channels: "mean" of all channels.
      resampling: "soxr-hq".
      n_fft: Samples of an analysis frame.
      hop_length: Samples from one frame to the next.
      window: "hann", periodic.
      padding: "reflect", n_fft / 2 at both ends of a clip.
      n_mels: Features of a frame.
      f_min_hz: Lower edge of the first filter.
      f_max_hz: Upper edge of the last filter.
      mel_scale: "slaney" or "htk".
      mel_norm: "slaney" or "none".
      power_floor: Least mel power before the logarithm.
      dynamic_range_log10: Values further below a clip's maximum are clamped.
      clamp: "body-max".
      scaling: "(x+4)/4" of the log10.
      feature_type: How a feature is stored: "f16", "bf16", "f32" or "u8".
      tail_length: Samples in a row of tail_samples.
    """

    features: str
    version: int
    sample_rate_hz: int
    channels: str
    resampling: str
    n_fft: int
    hop_length: int
    window: str
    padding: str
    n_mels: int
    f_min_hz: float
    f_max_hz: float
    mel_scale: str
    mel_norm: str
    power_floor: float
    dynamic_range_log10: float
    clamp: str
    scaling: str
    feature_type: str
    tail_length: int

    @property
    def feature_bytes(self) -> int:
        """Bytes of one stored feature."""
        return FEATURE_BYTES[self.feature_type]

    def stored(self) -> dict[str, Any]:
        """The fields as store.json has them."""
        fields: dict[str, Any] = {}
        for name, value in dataclasses.asdict(self).items():
            fields[name] = value
            if name == "feature_type":
                fields.update(_RULES_OF_TYPES.get(value, {}))
        return fields

    def normalised(self, log10_power: Any) -> Any:
        """Scales log10 mel powers, a number or an array, to features."""
        return (log10_power + 4) / 4

    def normalised_floor(self, max_log10_power: Any) -> Any:
        """The least feature of clips with these maxima, rounded to float32.

        Args:
          max_log10_power: Largest log10 mel power of each clip, a number or an
            array of float64.
        """
        lowest = math.log10(self.power_floor)
        floor = np.maximum(max_log10_power - self.dynamic_range_log10, lowest)
        return self.normalised(floor).astype(np.float32)

    def differences(self, other: Contract) -> list[str]:
        """A line of text for each field in which the two differ."""
        pairs = [
            (field.name, getattr(self, field.name), getattr(other, field.name))
            for field in dataclasses.fields(self)
        ]
        return [
            f"{name}: {mine!r} and {others!r}"
            for name, mine, others in pairs
            if mine != others
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileFacts:
    """A file of the store: its name, its size and its XXH3-64."""

    file: str
    num_bytes: int
    checksum: str  # 16 hex digits


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitFacts:
    """A split: its name, its table, and the totals of its rows."""

    name: str
    num_lines: int
    num_stored: int
    num_rejected: int
    num_samples: int  # at the contract's rate
    num_frames: int
    table: FileFacts


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardFacts:
    """A shard; its checksum covers the bytes outside the features."""

    split: str
    file: str
    num_rows: int
    num_stored: int
    num_frames: int
    num_bytes: int
    checksum: str  # 16 hex digits


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreIndex:
    """The part of store.json that readers need.

    Attributes:
      has_pieces: Whether the tables say which piece of its file each row is.
      has_audio_paths: Whether the tables have paths of audio files.
    """

    has_pieces: bool
    has_audio_paths: bool
    contract: Contract
    producer: dict[str, Any]
    plan: str  # fingerprint of all input, 32 hex digits
    kept_fields: tuple[str, ...]
    splits: tuple[SplitFacts, ...]
    shards: tuple[ShardFacts, ...]


def read_index(folder: Path) -> StoreIndex:
    """Reads a store's index.

    Raises:
      UnfinishedStoreError: There is a folder, but no store.json.
      FormatError: It is not a store, or one in a newer format.
      ContractError: Its features follow rules that this version does not know.
      DamagedStoreError: A field or the checksum is wrong.
      StoreReadError: The folder or the file cannot be read.
    """
    path = folder / FILE_NAME
    return parse_index(path, _read(path))


def parse_index(path: Path | str, content: bytes) -> StoreIndex:
    """Reads the content of a store.json.

    Args:
      path: Names the file, or object, in messages.
      content: Its bytes.

    Raises:
      FormatError, ContractError, DamagedStoreError: as `read_index`.
    """
    fields = _parse(path, content)
    _check_format(fields)
    _check_own_checksum(path, content)
    major = fields.child("format").get("major", int)
    return StoreIndex(
        has_pieces=major == _MAJOR_WITH_PIECES,
        has_audio_paths=fields.flag("audio_paths"),
        contract=_contract(fields.child("contract")),
        producer=fields.child("producer").values,
        plan=fields.get("plan", str),
        kept_fields=tuple(fields.get("kept_fields", list)),
        splits=tuple(map(_split, fields.children("splits"))),
        shards=tuple(map(_shard, fields.children("shards"))),
    )


class _Fields:
    """A JSON object that knows its place in which file, for messages."""

    def __init__(
        self, path: Path | str, place: str, values: dict[str, Any]
    ) -> None:
        self.path = path
        self.place = place
        self.values = values

    def get(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise DamagedStoreError(
                f"{self.path}: {self.place}{name} is {value!r}, "
                f"not of type {kind.__name__}"
            )
        if isinstance(value, int) and value < 0:
            raise DamagedStoreError(
                f"{self.path}: {self.place}{name} is negative: {value}"
            )
        return value

    def flag(self, name: str) -> bool:
        """True or false; false if it is missing."""
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise DamagedStoreError(
                f"{self.path}: {self.place}{name} is {value!r}, "
                "not of type bool"
            )
        return value

    def child(self, name: str) -> _Fields:
        return _Fields(self.path, f"{self.place}{name}.", self.get(name, dict))

    def children(self, name: str) -> list[_Fields]:
        children = []
        for i, value in enumerate(self.get(name, list)):
            place = f"{self.place}{name}[{i}]"
            if not isinstance(value, dict):
                raise DamagedStoreError(
                    f"{self.path}: {place} is not an object"
                )
            children.append(_Fields(self.path, f"{place}.", value))
        return children


_TYPES = {"int": int, "float": float, "str": str}


def _values(kind: type, fields: _Fields) -> dict[str, Any]:
    """The values of the simple fields of a dataclass."""
    return {
        field.name: fields.get(field.name, _TYPES[str(field.type)])
        for field in dataclasses.fields(kind)
        if field.type in _TYPES
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        folder = path.parent
        if not os.path.exists(folder):
            raise StoreReadError(
                f"{folder}: there is no such folder"
            ) from error
        if os.path.exists(folder / "plan.h5"):
            raise UnfinishedStoreError(
                f"{folder}: there is no {FILE_NAME}, so the store is not "
                "finished; run the same `melmill extract` again"
            ) from error
        raise UnfinishedStoreError(
            f"{folder}: there is no {FILE_NAME}; this is not a store, or it "
            "was never finished"
        ) from error
    except NotADirectoryError as error:
        raise FormatError(
            f"{path.parent} is a file; a store is a folder"
        ) from error
    except OSError as error:
        raise StoreReadError.of(path, error) from error


def _parse(path: Path | str, content: bytes) -> _Fields:
    try:
        values = json.loads(content)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DamagedStoreError(f"{path}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise FormatError(f"{path}: not a JSON object")
    return _Fields(path, "", values)


def _check_format(fields: _Fields) -> None:
    described = fields.values.get("format")
    if not isinstance(described, dict) or described.get("name") != "melmill":
        raise FormatError(f"{fields.path}: format.name is not melmill")
    major = fields.child("format").get("major", int)
    if major not in FORMAT_MAJORS:
        known = " and ".join(map(str, FORMAT_MAJORS))
        raise FormatError(
            f"{fields.path}: format.major is {major}; this version of the "
            f"package reads {known}"
        )


def _check_own_checksum(path: Path | str, content: bytes) -> None:
    counted = content[:-_CHECKSUM_LINES_BYTES]
    expected = f'  "checksum": "{xxhash.xxh3_64_hexdigest(counted)}"\n}}\n'
    if content[-_CHECKSUM_LINES_BYTES:] != expected.encode():
        raise DamagedStoreError(
            f"{path}: checksum: the rest of the file has another one"
        )


def _check_rules(fields: _Fields, rules: Mapping[str, Any]) -> None:
    for name, known in rules.items():
        if fields.values.get(name) != known:
            raise ContractError(
                f"{fields.path}: contract.{name} is "
                f"{fields.values.get(name)!r}; this version of the package "
                f"knows {known!r}"
            )


def _contract(fields: _Fields) -> Contract:
    _check_rules(fields, _KNOWN_RULES)
    contract = Contract(**_values(Contract, fields))
    if contract.feature_type not in FEATURE_BYTES:
        raise ContractError(
            f"{fields.path}: contract.feature_type is "
            f"{contract.feature_type!r}; this version of the package knows "
            + ", ".join(FEATURE_BYTES)
        )
    _check_rules(fields, _RULES_OF_TYPES.get(contract.feature_type, {}))
    for name in _SIZES:
        value = getattr(contract, name)
        if not 0 < value <= _MAX_SIZE:
            raise DamagedStoreError(
                f"{fields.path}: contract.{name} is {value}, which cannot be"
            )
    return contract


def _split(fields: _Fields) -> SplitFacts:
    table = fields.child("table")
    return SplitFacts(
        **_values(SplitFacts, fields),
        table=FileFacts(**_values(FileFacts, table)),
    )


def _shard(fields: _Fields) -> ShardFacts:
    return ShardFacts(**_values(ShardFacts, fields))
