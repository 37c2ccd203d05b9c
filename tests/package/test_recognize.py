"""An input that is of another format is named."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from melmill._convert.recognize import Kind, recognize
from melmill._convert.rows import InputError


def tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return data.getvalue()


CUT = json.dumps({"id": "a", "type": "MonoCut", "recording": {}}) + "\n"
CHAT = json.dumps({"messages": [], "audios": []}) + "\n"
INPUTS: dict[str, tuple[str | bytes, str]] = {
    "cuts": (CUT, "lhotse"),
    "gzip": (gzip.compress(CUT.encode()), "lhotse"),
    "long_gzip": (gzip.compress(os.urandom(99999).hex().encode()), "?"),
    "old_cuts": ('{"recording": {}, "supervisions": []}', "lhotse"),
    "chat": (CHAT, "chat"),
    "array": (json.dumps([json.loads(CHAT)] * 2, indent=2), "chat"),
    "sharegpt": ('{"conversations": []}', "chat"),
    "csv": ("id,path\n", "csv"),
    "quoted_csv": ('"path","text"\r\n', "csv"),
    "tsv": ("client_id\tpath\tsentence\n", "tsv"),
    "tar": (tar(), "tar"),
    "parquet": (b"PAR1....", "parquet"),
    "arrow": (b"ARROW1\0\0", "arrow"),
    "arrow_stream": (b"\xff\xff\xff\xff\x10\x02\0\0", "arrow"),
    "own": ('{"audio": "a.wav", "text": "x"}', "audio"),
    "compressed_tar": (gzip.compress(tar()), "a tar archive, compressed"),
    "recordings": ('{"sources": [], "sampling_rate": 1}', "recordings of"),
    "supervisions": ('{"recording_id": "x"}', "supervisions of lhotse"),
    "nemo": ('{"audio_filepath": "a"}', "--audio-field audio_filepath"),
    "bzip2": (b"BZh9", "bunzip2 -k"),
    "utf_16": ("id".encode("utf-16"), "iconv -f utf-16"),
    "git_lfs": (b"version https://git-lfs.github.com/", "git lfs pull"),
    "bad_gzip": (b"\x1f\x8b\x08\x00", "?"),
    "no_gzip": (b"\x1f\x8bxxxxxxxxxx", "damaged gzip"),
    "deep": ('{"a": ' + "[" * 9999, "?"),
    "text": ("hello\n", "?"),
    "empty": ("", "?"),
}


@pytest.mark.parametrize(
    ("content", "expected"), INPUTS.values(), ids=list(INPUTS)
)
def test_files_are_known_by_their_content(
    tmp_path: Path, content: str | bytes, expected: str
) -> None:
    path = tmp_path / "input"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    kind = recognize(str(path))
    if expected == "?":
        assert kind is None
    elif " " in expected:
        assert kind is not None
        assert kind.format == ""
        assert expected in kind.name
    else:
        assert kind is not None
        assert kind.format == expected


def test_folders_are_known_by_their_files(tmp_path: Path) -> None:
    assert recognize(str(tmp_path)) is None
    for name, kind in (
        ("a.arrow", "arrow"),
        ("a.parquet", "parquet"),
        ("a.tar", "tar"),
        ("wav.scp", "kaldi"),
    ):
        (tmp_path / name).touch()
        found = recognize(str(tmp_path))
        assert isinstance(found, Kind)
        assert found.format == kind
    assert recognize(str(tmp_path / "wav.scp")) == Kind(
        "kaldi", "a wav.scp of Kaldi"
    )


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(InputError, match="not a regular file"):
        recognize(str(tmp_path / "a"))
