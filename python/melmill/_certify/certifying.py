"""Computes rows of a store again with the reference, and compares them."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash
from transformers import WhisperFeatureExtractor
from transformers.utils import is_torch_available

from melmill._certify import certificate
from melmill._certify.certificate import Certificate, Failure
from melmill._certify.difference import (
    DECADES,
    LIMIT,
    TOLERANCE,
    Differences,
)
from melmill._certify.source_audio import SourceAudio
from melmill._contents.store_files import INDEX_FILE, finished_store_files
from melmill._models.extractor_settings import check_contract
from melmill._models.reference_audio import load_samples
from melmill._store.errors import (
    DamagedStoreError,
    DifferenceError,
    StoreReadError,
)
from melmill._store.row import Row
from melmill._store.store import PathLike
from melmill._store.store import open as open_store

DEFAULT_ROWS: Final = 1000
_MAX_FAILURES = 100  # that the certificate names
_PRESETS = {80: "whisper", 128: "qwen3-asr"}
_KINDS = (
    *("equal", "different", "changed_audio", "missing_audio"),
    *("unreadable_audio", "damaged"),
)
_PACKAGES = ("transformers", "numpy", "librosa", "soxr", "soundfile")


class NoAudioError(StoreReadError):
    """None of the audio files is there."""


class InTheWayError(StoreReadError):
    """certificate.json is a file that melmill did not make."""


class Certifying:
    """One comparison of a store with the reference.

    Args:
      folder: The store's folder.
      rows: Number of rows; None for all.
      seed: Seed of the random choice of rows.
      audio_root: The folder from which relative audio strings start.
      version: The version of melmill.

    Raises: as `melmill.open`; ContractError if the store's features are not
      those of the reference; InTheWayError.

    Attributes:
      num_rows: Number of rows that will be compared.
      num_done: Number of rows that were.
    """

    def __init__(
        self,
        folder: PathLike,
        *,
        rows: int | None,
        seed: int,
        audio_root: PathLike | None,
        version: str,
    ) -> None:
        if rows is not None and rows < 1:
            raise ValueError(f"rows={rows}: give 1 or more, or None for all")
        self._folder = Path(folder)
        self._version = version
        self._store = open_store(self._folder, audio_root=audio_root)
        self._index = self._read_index()
        if certificate.is_in_the_way(self._folder):
            raise InTheWayError(
                f"{self._folder / certificate.FILE_NAME} is not a certificate "
                "of melmill: move it elsewhere"
            )
        n_mels = self._store.contract.n_mels
        self._extractor = WhisperFeatureExtractor(feature_size=n_mels)
        check_contract(self._extractor, self._store)
        files = finished_store_files(self._folder / INDEX_FILE, self._index)
        self._audio = SourceAudio(self._folder, files, self._store.splits)
        self._num_stored = sum(map(len, self._store.values()))
        self._is_all = rows is None or rows >= self._num_stored
        self.num_rows = self._num_stored if self._is_all else rows or 0
        self.num_done = 0
        self._seed = seed
        self._differences = Differences(self._store.contract.feature_type)
        self._counts: Counter[str] = Counter(dict.fromkeys(_KINDS, 0))
        self._num_truncated = 0
        self._failures: list[Failure] = []

    def run(self) -> Certificate:
        """Compares the rows and writes certificate.json.

        Raises:
          NoAudioError: None of the audio files is there.
          DamagedStoreError: A file of the store is damaged.
          DifferenceError: The store changed meanwhile.
          StoreReadError: The system cannot read a file.
          OSError: certificate.json cannot be written.
        """
        for row in self._chosen():
            failure = self._compare(row)
            self._counts["equal" if failure is None else failure.what] += 1
            if failure and len(self._failures) < _MAX_FAILURES:
                self._failures.append(failure)
            self.num_done += 1
        if self.num_rows and self._counts["missing_audio"] == self.num_rows:
            raise NoAudioError(
                f"nothing was compared: no audio file was found; "
                f"{self._failures[0].message}"
            )
        made = self._certificate()
        if self._read_index() != self._index:
            raise DifferenceError(
                f"{self._folder}: the store changed while it was compared"
            )
        certificate.write(made, self._folder)
        return made

    def _read_index(self) -> bytes:
        path = self._folder / INDEX_FILE
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreReadError.of(path, error) from error

    def _chosen(self) -> Iterator[Row]:
        """The rows to compare, in the order of the store.

        A seed always chooses the same rows: Python's random() never changes.
        """
        draw = random.Random(self._seed)
        rest, wanted = self._num_stored, self.num_rows
        for split in self._store.values():
            for index in range(len(split)):
                if draw.random() * rest < wanted:
                    wanted -= 1
                    yield split[index]
                rest -= 1

    def _compare(self, row: Row) -> Failure | None:
        """Compares a row; returns why it is not equal."""

        def failure(what: str, message: str) -> Failure:
            return Failure(what, row.split.name, row.line, row.audio, message)

        try:
            stored = row.stored
            features = np.ascontiguousarray(row.read_stored())
            checksum = stored.shard.checksum(stored.row)
        except DamagedStoreError as error:
            return failure("damaged", str(error))
        if xxhash.xxh3_64_intdigest(features.data) != checksum:
            return failure("damaged", "its features have a wrong checksum")
        try:
            if not self._audio.is_same(row):
                return failure(
                    "changed_audio", "its audio is not what was stored"
                )
        except FileNotFoundError as error:
            return failure("missing_audio", f"there is no {error}")
        try:
            samples = load_samples(row)
        except Exception as error:  # of any of librosa's libraries
            text = f"{type(error).__name__}: {error}"
            return failure(
                "unreadable_audio", f"librosa cannot load it: {text}"
            )
        return self._compare_samples(row, samples, failure)

    def _compare_samples(
        self, row: Row, samples: Any, failure: Any
    ) -> Failure | None:
        # --truncate cuts at the most samples that the model takes.
        most = self._extractor.n_samples
        is_truncated = row.num_samples == most < len(samples)
        if len(samples) != row.num_samples and not is_truncated:
            message = f"{len(samples)} samples, {row.num_samples} in the store"
            made: Failure = failure("different", message)
            return made
        self._num_truncated += is_truncated
        expected = self._features(samples[: row.num_samples])
        features = row.features
        if expected.shape != features.shape:
            made = failure(
                "different",
                f"shape {expected.shape}, {features.shape} in the store",
            )
            return made
        place = self._differences.add(expected, features)
        if place is None:
            return None
        made = failure(
            "different",
            f"{place.expected:.6g} from its audio, {place.stored:.6g} in the "
            f"store, at frame {place.frame}, mel {place.mel}",
        )
        return made

    def _features(self, samples: Any) -> Any:
        """What the reference computes, [frames, mels]."""
        batch = self._extractor(
            samples,
            sampling_rate=self._store.contract.sample_rate_hz,
            padding=False,
            truncation=False,
            return_tensors="np",
            device="cpu",
        )
        return batch["input_features"][0].T

    def _certificate(self) -> Certificate:
        differences = self._differences
        has_passed = (
            self.num_rows > 0
            and self._counts["equal"] == self.num_rows
            and differences.num_beyond <= differences.num_allowed_beyond
        )
        content = certificate.content_of(
            {
                "verdict": "pass" if has_passed else "fail",
                "store": self._store_facts(),
                "reference": self._reference(),
                "rows": {
                    "chosen": self.num_rows,
                    "seed": None if self._is_all else self._seed,
                    **self._counts,
                    "truncated": self._num_truncated,
                },
                "difference": {
                    "values": differences.num_values,
                    "largest": differences.largest,
                    "rms": differences.rms,
                    "largest_beyond_rounding": (
                        differences.largest_beyond_rounding
                    ),
                    "histogram": self._histogram(),
                },
                "bound": {
                    "feature_type": self._store.contract.feature_type,
                    "tolerance": TOLERANCE,
                    "limit": LIMIT,
                    "values_beyond_tolerance": differences.num_beyond,
                    "values_allowed_beyond": differences.num_allowed_beyond,
                },
                "failures": [dataclasses.asdict(f) for f in self._failures],
            }
        )
        return Certificate(
            has_passed=has_passed,
            num_rows=self.num_rows,
            num_rows_of_store=self._num_stored,
            num_equal=self._counts["equal"],
            largest_difference=differences.largest,
            failures=tuple(self._failures),
            content=content,
        )

    def _store_facts(self) -> dict[str, Any]:
        contract = self._store.contract
        return {
            "checksum": xxhash.xxh3_64_hexdigest(self._index),
            "rows": self._num_stored,
            "preset": _PRESETS.get(contract.n_mels),
            "contract": contract.stored(),
        }

    def _reference(self) -> dict[str, Any]:
        has_torch = is_torch_available()
        names = [*_PACKAGES, *(["torch"] if has_torch else [])]
        versions = {name: importlib.metadata.version(name) for name in names}
        return {
            "extractor": type(self._extractor).__name__,
            "code": "PyTorch" if has_torch else "NumPy",
            "packages": {"melmill": self._version, **versions},
        }

    def _histogram(self) -> list[dict[str, Any]]:
        ends = [*DECADES, None]
        counts = self._differences.histogram.tolist()
        return [
            {"below": end, "values": count}
            for end, count in zip(ends, counts, strict=True)
        ]
