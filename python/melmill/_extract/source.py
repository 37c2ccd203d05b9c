"""What melmill.extract takes, as manifests of the program.

Rows of Python become a manifest, whose line N is row N counted from 1; audio
that is bytes goes into an archive beside it.
"""

from __future__ import annotations

import json
import math
import numbers
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from melmill._convert.output import NewFile
from melmill._convert.parquet import AudioArchive, suffix_of
from melmill._extract.kept_file import KeptFile

_KINDS = (
    "the path of a manifest, a list of paths, a list of dicts, a pandas "
    "DataFrame, a Dataset or IterableDataset of datasets, or a dict of these "
    "by the names of splits, but for lists of paths"
)
# Says that the folder is one of melmill's.
_MARK = ".melmill"


class SourceFolder:
    """The folder of the manifests and archives that are made for a store.

    Args:
      path: Its absolute path. It is made when a source needs it.
      audio_field: The field of each row with its audio.
      allow_change: Is called before an archive of an earlier call is replaced.
        May raise to prevent that.
    """

    def __init__(
        self, path: str, audio_field: str, allow_change: Callable[[], None]
    ) -> None:
        self._path = path
        self._audio_field = audio_field
        self._allow_change = allow_change

    def manifests(self, source: Any) -> list[str]:
        """The program's arguments for a source; writes what must be written.

        Raises:
          TypeError: It is of no kind that is known.
          ValueError: It has no rows, names of splits are too much alike, or
            the folder is somebody else's.
          OSError: A file cannot be written.
        """
        if isinstance(source, Mapping):
            return self._splits(source)
        if isinstance(source, str | os.PathLike):
            return [os.fspath(source)]
        if _are_paths(source):
            return [os.fspath(path) for path in source]
        return [self._made(_split_name(source), source)]

    def _splits(self, sources: Mapping[Any, Any]) -> list[str]:
        stems = [_stem(str(name)) for name in sources]
        if len(set(stems)) < len(stems):
            raise ValueError(
                f"files of two splits would have one name: {list(sources)}"
            )
        if not sources:
            raise ValueError("source: the dict is empty")
        return [
            f"{name}={os.fspath(source)}"
            if isinstance(source, str | os.PathLike)
            else self._made(str(name), source)
            for name, source in sources.items()
        ]

    def _made(self, name: str, source: Any) -> str:
        """Writes the manifest of a split. The program's argument for it."""
        rows = _rows_of(source, self._audio_field)
        self._make_folder()
        path = os.path.join(self._path, f"{_stem(name)}.jsonl")
        manifest = NewFile(path)
        try:
            with AudioArchive(path, self._archive_file) as archive:
                number = 0
                for number, row in enumerate(rows, start=1):
                    manifest.write(self._line(name, number, row, archive))
                if not number:
                    raise ValueError(f"source: split {name} has no rows")
                archive.commit()
                manifest.commit()
        finally:
            manifest.discard()
        return f"{name}={path}"

    def _make_folder(self) -> None:
        mark = os.path.join(self._path, _MARK)
        if os.path.exists(mark):
            return
        if os.path.isdir(self._path) and os.listdir(self._path):
            raise ValueError(
                f"{self._path}: the manifests would go there, but melmill did "
                "not make this folder; move it elsewhere"
            )
        os.makedirs(self._path, exist_ok=True)
        with open(mark, "wb"):
            pass

    def _archive_file(self, path: str) -> KeptFile:
        return KeptFile(path, self._allow_change)

    def _line(
        self, name: str, number: int, row: Any, archive: AudioArchive
    ) -> bytes:
        if not isinstance(row, Mapping):
            raise TypeError(
                f"source: row {number} of split {name} is a "
                f"{type(row).__name__}, not a dict; give {_KINDS}"
            )
        fields = {
            name: value
            for name, value in row.items()
            if not _is_nan_or_infinite(value)
        }
        audio = fields.get(self._audio_field)
        data, path = _parts_of(audio)
        if data is None and _is_decoded(audio, path):
            name_of_field = self._audio_field
            raise TypeError(
                f"source: row {number} of split {name}: its audio is decoded "
                "samples; give the file's path or bytes. For a data set: "
                f'.cast_column("{name_of_field}", datasets.Audio(decode=False))'
                ", before map"
            )
        if data is not None:
            part = archive.add(suffix_of(path, data), data)
            fields |= {self._audio_field: archive.path, **part}
        elif path is not None:
            fields[self._audio_field] = path
        try:
            text = json.dumps(fields, ensure_ascii=False, default=_plain)
        except TypeError as error:
            raise TypeError(
                f"source: row {number} of split {name}: {error}"
            ) from error
        # The program rejects what is not UTF-8, and says where it is.
        return text.encode(errors="surrogatepass") + b"\n"


def _are_paths(source: Any) -> bool:
    return (
        isinstance(source, Sequence)
        and len(source) > 0
        and all(isinstance(item, str | os.PathLike) for item in source)
    )


def _stem(name: str) -> str:
    """The name of a split in names of files, as the program has it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _split_name(source: Any) -> str:
    """That of a datasets.Dataset, unless it is a part such as train[:10%]."""
    name = str(getattr(source, "split", None) or "")
    return name if re.fullmatch(r"\w+", name) else "train"


def _parts_of(audio: Any) -> tuple[bytes | None, str | None]:
    """Bytes and path of a row's audio, as far as it has them.

    Bytes of which there are none count only if there is no path.
    """
    if isinstance(audio, Mapping):
        data, path = audio.get("bytes"), audio.get("path")
    elif isinstance(audio, bytes | bytearray | memoryview):
        data, path = audio, None
    else:
        data, path = None, audio
    if data is None or (not data and path is not None):
        return None, path
    return bytes(data), path


def _is_decoded(audio: Any, path: str | None) -> bool:
    """Whether audio is samples or a decoder, without the file's path."""
    if isinstance(audio, Mapping):
        return path is None and "array" in audio
    is_array = getattr(audio, "ndim", 0) > 0
    return is_array or hasattr(audio, "get_all_samples")


def _is_nan_or_infinite(value: Any) -> bool:
    """Whether it is a number that JSON does not have, such as a missing one."""
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, numbers.Integral)
        and not math.isfinite(value)
    )


def _plain(value: Any) -> Any:
    """What JSON can hold of a value, such as one of NumPy."""
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("a field other than the audio has bytes")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


# ---- Rows ----


def _rows_of(source: Any, audio_field: str) -> Iterable[Any]:
    if _is(source, "datasets", "Dataset"):
        return _rows_of_dataset(source, audio_field)
    if _is(source, "datasets", "IterableDataset"):
        return _rows_of_stream(source, audio_field)
    if _is(source, "pandas", "DataFrame"):
        return _rows_of_frame(source)
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return source
    raise TypeError(
        f"source: cannot make a store of a {type(source).__name__}; give "
        f"{_KINDS}"
    )


def _is(source: Any, package: str, name: str) -> bool:
    """Whether it is of a class, whose package is imported only by others."""
    kind = getattr(sys.modules.get(package), name, None)
    return isinstance(kind, type) and isinstance(source, kind)


def _rows_of_frame(frame: Any) -> Iterator[dict[str, Any]]:
    """Rows of a DataFrame, without values that are missing."""
    pandas: Any = sys.modules["pandas"]
    names = [str(name) for name in frame.columns]
    for values in frame.itertuples(index=False, name=None):
        yield {
            name: value
            for name, value in zip(names, values, strict=True)
            if not (pandas.api.types.is_scalar(value) and pandas.isna(value))
        }


def _rows_of_stream(dataset: Any, audio_field: str) -> Iterator[Any]:
    """Rows of an IterableDataset, in its order; each is read once."""
    if dataset.features is not None:
        return _rows_of_dataset(dataset, audio_field)
    # As from a generator or after map: what its rows are is not known before.
    return iter(dataset.with_format(None))


def _rows_of_dataset(dataset: Any, audio_field: str) -> Iterator[Any]:
    """Rows of a Dataset, with audio as it is stored: nothing is decoded.

    Of the other columns those with numbers, texts and times are taken.
    """
    datasets: Any = sys.modules["datasets"]
    names = [
        name
        for name, feature in dataset.features.items()
        if name == audio_field
        or (
            isinstance(feature, datasets.Value)
            and "binary" not in feature.dtype
        )
    ]
    plain = dataset.with_format(None).select_columns(names)
    if isinstance(dataset.features.get(audio_field), datasets.Audio):
        plain = plain.cast_column(audio_field, datasets.Audio(decode=False))
    return iter(plain)
