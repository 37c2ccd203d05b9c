"""What the scripts that pip installs call."""

import sys

import pytest
from melmill._scripts import qwen3_asr, ray


def test_qwen3_asr_is_the_launcher(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["melmill-qwen3-asr", "--help"])
    with pytest.raises(SystemExit) as end:
        qwen3_asr()
    assert end.value.code == 0
    usage = "usage: melmill qwen3-asr --store DIR [options] -- SCRIPT"
    assert usage in capsys.readouterr().out


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "melmill.qwen3_asr", raising=False)
    assert qwen3_asr() == 2
    message = capsys.readouterr().err
    assert "melmill-qwen3-asr needs the package torch" in message
    assert "docs/training.md" in message


def test_ray_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "melmill.ray", raising=False)
    assert ray() == 2
    message = capsys.readouterr().err
    assert "melmill-ray needs the package ray" in message
    assert "docs/many-machines.md" in message
