"""JSON lines and arrays are read one object at a time."""

import json
import os
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from melmill._convert import json_lines
from melmill._convert.json_lines import read_objects
from melmill._convert.rows import InputError, Reject


def read(path: Path, content: str | bytes) -> list[Any]:
    """What each line is: an object, or the reason of its rejection."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [
        (number, str(item) if isinstance(item, Reject) else item)
        for number, item in read_objects(str(path))
    ]


def test_lines_have_their_numbers(tmp_path: Path) -> None:
    content = '\ufeff{"a": 1}\r\n\n  \n{"b": 2}\n{"c": "\u2028"}'
    assert read(tmp_path / "a", content) == [
        (1, {"a": 1}),
        (4, {"b": 2}),
        (5, {"c": "\u2028"}),
    ]
    assert read(tmp_path / "a", '\n\n {"a": 1}') == [(3, {"a": 1})]
    assert read(tmp_path / "a", "") == []


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 64, 1 << 20])
def test_arrays_are_cut_into_their_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(json_lines, "_CHUNK_BYTES", chunk_bytes)
    generator = random.Random(chunk_bytes)
    alphabet = ["\\", '"', "[", "]", "{", "}", ",", "é", "a", "\n"]

    def value(depth: int) -> Any:
        if depth == 0:
            return "".join(generator.choices(alphabet, k=6))
        if generator.random() < 0.5:
            return [value(depth - 1) for _ in range(generator.randrange(3))]
        return {
            "".join(generator.choices(alphabet, k=3)): value(depth - 1)
            for _ in range(generator.randrange(3))
        }

    objects = [{"x": value(3)} for _ in range(50)]
    for indent in (None, 1):
        text = json.dumps(objects, indent=indent, ensure_ascii=False)
        assert read(tmp_path / "a", f" \n{text}\n") == list(
            enumerate(objects, start=1)
        )
    assert read(tmp_path / "a", "[]") == []
    assert read(tmp_path / "a", " [ \n ] ") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1}, {"b": 2}', "the line is not JSON"),
        ("{broken", "the line is not JSON"),
        ('"text"', "the line is not a JSON object"),
        (b'{"a": "\xff"}', "the line is not UTF-8"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "the line is not JSON"),
    ],
    ids=["two", "broken", "string", "utf_8", "deep", "number"],
)
def test_bad_lines_are_rejected(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    whole = content.encode() if isinstance(content, str) else content
    (first, (_, said), last) = read(
        tmp_path / "a", b'{"a": 1}\n' + whole + b'\n{"b": 2}\n'
    )
    assert reason in said
    assert first == (1, {"a": 1})
    assert last == (3, {"b": 2})


def test_bad_elements_are_rejected(tmp_path: Path) -> None:
    found = read(tmp_path / "a", '[{"a": 1}, 3, {"b" 2}, , {"c": 3}]')
    assert [number for number, _ in found] == [1, 2, 3, 4, 5]
    assert found[0][1] == {"a": 1}
    assert found[1][1] == "the line is not a JSON object"
    assert "not JSON" in found[2][1]
    assert "not JSON" in found[3][1]
    assert found[4][1] == {"c": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1}, {"b"', "ends within its array"),
        ('[{"a": 1},', "ends within its array"),
        ('[{"a": "]', "ends within its array"),
        ('[{"a": 1}] {"b": 2}', "goes on behind its array"),
    ],
)
def test_arrays_that_are_not_whole_stop(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a", content)


@pytest.mark.parametrize("form", ["lines", "array"])
def test_long_lines_cost_no_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a"
    opening, middle, end = {
        "lines": (b"", b"\n", b"\n"),
        "array": (b"[", b",", b"]"),
    }[form]
    with path.open("wb") as file:
        file.write(opening + b'{"a": 1}' + middle + b'{"a": "')
        for _ in range(60):
            file.write(b"x" * (1 << 20))
        file.write(b'"}' + middle + b'{"b": 2}' + end)
    tracemalloc.start()
    try:
        first, (_, said), last = read_objects(str(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 45 << 20
    assert first == (1, {"a": 1})
    assert str(said) == "the line is longer than 16 MiB"
    assert last == (3, {"b": 2})


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(InputError, match="not a regular file"):
        next(read_objects(str(tmp_path / "a")))
