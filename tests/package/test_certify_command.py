"""melmill certify: its messages and exit codes."""

import json
import os
import sys
from pathlib import Path

import pytest
from melmill import _scripts
from melmill._certify.certify_command import main
from support import extract, manifest_row, noise, write_manifest, write_wav

pytestmark = pytest.mark.transformers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for number in range(3):
        write_wav(tmp_path / f"{number}.wav", noise(4000, number))
    rows = [manifest_row(f"{number}.wav") for number in range(3)]
    write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    return main("1.2.3", arguments)


def test_a_right_store(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("store", "--rows", "2", "--seed", "3") == 0
    out, err = capsys.readouterr()
    assert out.startswith("pass: 2 of 2 rows equal WhisperFeatureExtractor of")
    assert out.endswith("store/certificate.json has the details\n")
    assert err == ""
    content = json.loads(Path("store/certificate.json").read_text())
    assert content["reference"]["packages"]["melmill"] == "1.2.3"
    assert (content["rows"]["chosen"], content["rows"]["seed"]) == (2, 3)


def test_a_wrong_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(folder / "1.wav", noise(4000, 9))
    assert run("store", "--all") == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "changed: 1.wav (line 2 of split train): its audio is not what was "
        "stored\nfail: 2 of 3 rows equal"
    )


def test_json_is_one_object(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("store", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    written = json.loads(Path("store/certificate.json").read_text())
    assert found == {"status": "pass", "exit_code": 0, **written}
    assert run("nowhere", "--json") == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "status": "wrong_usage",
        "exit_code": 2,
        "error": "nowhere: there is no such folder",
    }
    assert err == "error: nowhere: there is no such folder\n"


def test_audio_elsewhere_names_the_flag(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("/")
    assert run(str(folder / "store")) == 2
    assert "--audio-root says where" in capsys.readouterr().err
    assert run(str(folder / "store"), "--audio-root", str(folder)) == 0


def test_what_cannot_be_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("1.wav").unlink()
    Path("1.wav").mkdir()
    assert run("store") == 4
    assert "1.wav: cannot be read" in capsys.readouterr().err
    assert not Path("store/certificate.json").exists()
    Path("store/store.json").unlink()
    assert run("store") == 2
    assert not Path("store/certificate.json").exists()


def test_a_missing_shard_replaces_a_pass(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("store") == 0
    next(Path("store").glob("train.????????????.h5")).unlink()
    assert run("store") == 1
    assert "missing, though store.json names it" in capsys.readouterr().out
    certificate = json.loads(Path("store/certificate.json").read_text())
    assert certificate["verdict"] == "fail"
    assert certificate["rows"]["damaged"] > 0


def test_a_folder_whose_name_is_not_utf_8(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = os.fsdecode(b"st\xe9re")
    Path("store").rename(name)
    assert run(name) == 0
    assert b"st\\xe9re/certificate.json has" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [("--all", "--rows", "3"), ("--all", "--seed", "0"), ("--rows", "0")],
)
def test_wrong_arguments(folder: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as end:
        run("store", *arguments)
    assert end.value.code == 2


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    for name in [name for name in sys.modules if "melmill._certify.c" in name]:
        monkeypatch.delitem(sys.modules, name)
    assert _scripts.certify() == 2
    message = capsys.readouterr().err
    assert "melmill-certify needs the package transformers" in message
    assert "docs/training.md" in message
