"""Chat messages become rows."""

import json
from pathlib import Path
from typing import Any

import pytest
from converting import Convert, Json, write_lines

pytest_plugins = ["convert_fixtures"]


def chat(*audios: Any, answer: Any = "hello") -> Json:
    """As ms-swift and LLaMA-Factory have it."""
    return {
        "messages": [
            {"role": "system", "content": "You transcribe."},
            {"role": "user", "content": "<audio>And this?"},
            {"role": "assistant", "content": "not this"},
            {"role": "user", "content": "<audio>What is said?"},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": "thanks"},
        ],
        "audios": list(audios),
    }


SHAREGPT: Json = {
    "conversations": [
        {"from": "human", "value": "<audio>"},
        {"from": "gpt", "value": "language French<asr_text>ça va"},
    ],
    "audios": "b.wav",
}


def test_lines_and_arrays_are_read(convert: Convert, tmp_path: Path) -> None:
    items = [chat("a.wav"), SHAREGPT]
    expected = [
        {"audio": "a.wav", "text": "language English<asr_text>hello"},
        {"audio": "b.wav", "text": "language French<asr_text>ça va"},
    ]
    write_lines("in.jsonl", items)
    made = convert("chat", "in.jsonl", "--language", "en")
    assert made.code == 0
    assert made.rows == expected
    for indent in (None, 2):
        (tmp_path / "in.json").write_text(json.dumps(items, indent=indent))
        assert convert("chat", "in.json", "--language", "en").rows == expected


def test_audio_is_looked_for_where_both_tools_do(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("here.wav", "data/there.wav", "data/here.wav"):
        (tmp_path / name).touch()
    names = ["here.wav", "there.wav", "nowhere.wav", "/x.wav"]
    write_lines("data/in.jsonl", map(chat, names))
    made = convert("chat", "data/in.jsonl")
    found = ["here.wav", "data/there.wav", "nowhere.wav", "/x.wav"]
    assert [row["audio"] for row in made.rows] == found


REJECTED: dict[str, tuple[Json, str]] = {
    "no_audio": (chat(), "the conversation has not one audio: 0"),
    "two": (chat("a", "b"), "the conversation has not one audio: 2"),
    "no_audios": ({"messages": []}, 'there is no "audios"'),
    "bytes": (chat({"bytes": "x"}), "missing or no path"),
    "empty": (chat(""), "missing or no path"),
    "no_answer": (
        {"messages": [{"role": "user", "content": "x"}], "audios": ["a"]},
        "there is no text",
    ),
    "parts": (chat("a", answer=[{"type": "text"}]), "not a string"),
    "no_messages": ({"audios": ["a"]}, 'there is no "messages"'),
    "no_list": ({"messages": 3, "audios": ["a"]}, '"messages" is not a list'),
    "half_of_a_pair": (chat("a", answer="\ud800"), "is not UTF-8"),
}


@pytest.mark.parametrize(
    ("item", "message"), REJECTED.values(), ids=list(REJECTED)
)
def test_other_conversations_are_rejected(
    convert: Convert, item: Json, message: str
) -> None:
    write_lines("in.jsonl", [chat("a.wav"), item, "text"])
    made = convert("chat", "in.jsonl", "--max-rejects", "2")
    assert made.code == 0
    assert len(made.rows) == 1
    [(number, said), other] = made.messages
    assert number == 2
    assert message in said
    assert other == (3, "the line is not a JSON object")
