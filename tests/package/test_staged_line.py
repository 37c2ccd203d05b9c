"""Lines of manifests, with the local path added."""

import io
import json

import pytest
from melmill._stage import staged_line
from melmill._stage.staged_line import LineError, StagedLine, read_lines


def staged(line: str | bytes, path: str = "d/ä.wav") -> str:
    line = line.encode() if isinstance(line, str) else line
    row = StagedLine.parse(line, audio_field="audio", path_field="audio_path")
    return row.with_path(path, "audio_path").decode()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('{"audio":"x"}', '{"audio":"x", "audio_path": "d/ä.wav"}'),
        (
            ' { "n" : 1.10, "audio" : "\\u0078", "big": 1e400 } \t',
            ' { "n" : 1.10, "audio" : "\\u0078", "big": 1e400, '
            '"audio_path": "d/ä.wav"} \t',
        ),
        (
            '{"audio": "x", "a": [{"audio": 1}, "}"], "i": -0, "e": {}}',
            '{"audio": "x", "a": [{"audio": 1}, "}"], "i": -0, "e": {}, '
            '"audio_path": "d/ä.wav"}',
        ),
        (
            '{"audio_path": {"old": [1, "}"]}, "audio": "x", "t": "ü"}',
            '{"audio_path": "d/ä.wav", "audio": "x", "t": "ü"}',
        ),
    ],
)
def test_a_line_keeps_its_bytes(line: str, wanted: str) -> None:
    assert staged(line) == wanted


def test_integers_of_any_size_stay() -> None:
    digits = "9" * 10_000
    assert digits in staged(f'{{"audio": "x", "n": {digits}}}')


def test_another_field_can_have_the_audio() -> None:
    row = StagedLine.parse(
        b'{"audio": 1, "wav": "x"}', audio_field="wav", path_field="p"
    )
    assert row.audio == "x"
    assert json.loads(row.with_path("y", "p")) == {
        "audio": 1,
        "wav": "x",
        "p": "y",
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"audio": "x"}\0', "raw_nul"),
        (b'{"audio": "\xff"}', "invalid_utf8"),
        (b'{"audio": "\xed\xa0\x80"}', "invalid_utf8"),
        (b"[]", "not_an_object"),
        (b'"audio"', "not_an_object"),
        (b"3", "not_an_object"),
        (b"null", "not_an_object"),
        (b"[1,", "bad_json"),
        (b"audio", "bad_json"),
        (b"{", "bad_json"),
        (b"{}{}", "bad_json"),
        (b'{"audio": "x"} x', "bad_json"),
        (b'{"audio": "x",}', "bad_json"),
        (b'{"audio": "x"', "bad_json"),
        (b'{"audio": "x", ', "bad_json"),
        (b'{"audio"', "bad_json"),
        (b'{"audio":', "bad_json"),
        (b'{"audio": "x" "y": 1}', "bad_json"),
        (b'{"audio" "x"}', "bad_json"),
        (b"{'audio': 'x'}", "bad_json"),
        (b"{1: 2}", "bad_json"),
        (b'{"audio": "x", "n": NaN}', "bad_json"),
        (b'{"audio": "x\ty"}', "bad_json"),
        (b'{"audio": "x", "a": ' + b"[" * 100_000, "too_deep"),
        (b'{"audio": "x", "b": 1, "\\u0062": 2}', "duplicate_key"),
        (b"{}", "missing_audio"),
        (b'{"text": "x"}', "missing_audio"),
        (b'{"audio": null}', "bad_audio"),
        (b'{"audio": ["x"]}', "bad_audio"),
        (b'{"audio": 1}', "bad_audio"),
        (b'{"audio": ""}', "bad_audio"),
        (b'{"audio": "x\\u0000"}', "bad_audio"),
    ],
)
def test_a_bad_line_has_the_code_of_the_program(line: bytes, code: str) -> None:
    with pytest.raises(LineError) as error:
        staged(line)
    assert error.value.code == code


def test_lines_end_as_people_end_them() -> None:
    file = io.BytesIO(b"\xef\xbb\xbf1\r\n\n 2 \n\xef\xbb\xbf3")
    assert list(read_lines(file)) == [b"1", b"", b" 2 ", b"\xef\xbb\xbf3"]
    assert list(read_lines(io.BytesIO())) == []


@pytest.mark.parametrize("length", [9, 10, 11, 12, 13, 22, 23, 24, 25, 36, 50])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_long_line_is_skipped(
    length: int, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged_line, "MAX_LINE_BYTES", 10)
    line = b"x" * length
    lines = list(read_lines(io.BytesIO(line + end + b"y")))
    wanted = line if length <= 10 else None
    if end:
        assert lines == [wanted, b"y"]
    else:
        assert lines == [line + b"y" if length < 10 else None]
