"""All rows of a split as columns, for pandas, Arrow and `datasets`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from melmill._store.row import take_apart
from melmill._store.split import Split

KeptKind = Literal["bool", "int64", "float64", "string"]

_KINDS: dict[type, KeptKind] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
}
_INT64 = range(-(1 << 63), 1 << 63)

# Names of columns that a split has, or can have in another store.
_OURS = {
    *("features", "index", "line", "audio", "audio_path", "duration_s"),
    *("num_frames", "num_samples", "language", "transcript", "text", "prompt"),
    *("segment_start", "segment_num_samples", "source_rate_hz"),
    *("audio_offset", "audio_bytes"),
}


def columns_of(split: Split) -> dict[str, Any]:
    """The columns of all rows, in order; see Split.to_pandas."""
    texts = split.texts()
    taken_apart = [take_apart(text) for text in texts]
    columns = {
        "line": split.column("line"),
        "audio": split.texts("audio"),
        "duration_s": split.durations_s,
        "num_frames": split.num_frames,
        "num_samples": split.num_samples,
        "language": [language for language, _ in taken_apart],
        "transcript": [words for _, words in taken_apart],
        "text": texts,
        "prompt": split.texts("prompt"),
    }
    if split.has_audio_paths:
        columns["audio_path"] = [
            path for part in split.parts for path in part.table.audio_paths()
        ]
    if split.has_pieces:
        columns["segment_start"] = split.segment_start
        columns["segment_num_samples"] = split.segment_num_samples
        columns["source_rate_hz"] = split.column("source_rate")
        columns["audio_offset"] = split.column("range_offset")
        columns["audio_bytes"] = split.column("range_bytes")
    return columns


def kept_names(split: Split) -> dict[str, str]:
    """The column of each kept field: its name, or keep_NAME if that is ours."""
    return {
        field: f"keep_{field}" if field in _OURS else field
        for field in split.kept_fields
    }


def kind_of(values: Sequence[Any]) -> KeptKind | None:
    """The one type of a field's values; None if there are several.

    None, for lines without the field, is of every type. Whole numbers beside
    others are float64. Lists and objects have no type here.
    """
    kinds = {_KINDS.get(type(value)) for value in values if value is not None}
    if "int64" in kinds and not all(
        value in _INT64 for value in values if type(value) is int
    ):
        return None
    if kinds == {"int64", "float64"}:
        return "float64"
    if not kinds:
        return "string"
    return kinds.pop() if len(kinds) == 1 else None


def of_kind(value: Any, kind: KeptKind | None) -> Any:
    """A value as its column has it: as JSON if the column has no type."""
    if value is None:
        return None
    if kind is None:
        return json.dumps(value, ensure_ascii=False)
    return float(value) if kind == "float64" else value


def to_pandas(split: Split) -> Any:
    """See Split.to_pandas."""
    import pandas

    frame = pandas.DataFrame(columns_of(split))
    for field, name in kept_names(split).items():
        frame[name] = split.kept(field)
    return frame


def to_arrow(split: Split) -> Any:
    """See Split.to_arrow."""
    import pyarrow

    columns = columns_of(split)
    types = {"language": "string"}
    for field, name in kept_names(split).items():
        values = split.kept(field)
        kind = kind_of(values)
        columns[name] = [of_kind(value, kind) for value in values]
        types[name] = kind or "string"
    for name in ("audio", "transcript", "text", "prompt", "audio_path"):
        if name in columns:
            types[name] = "string"
    return pyarrow.table(
        {
            name: pyarrow.array(
                values,
                pyarrow.type_for_alias(types[name]) if name in types else None,
            )
            for name, values in columns.items()
        }
    )
