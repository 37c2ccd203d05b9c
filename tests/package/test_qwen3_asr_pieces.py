"""The drop-in takes a store whose audio strings mean one piece each."""

from pathlib import Path

import librosa
import melmill
import needs_qwen_asr  # noqa: F401  # skips this module
import pytest
import tiny_qwen3_asr
from melmill.qwen3_asr import Collator, check, main, use_store
from support import extract, manifest_row, noise, write_manifest, write_wav

pytestmark = pytest.mark.transformers

TEXT = "language English<asr_text>x"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; "one" has one piece of each file, "many" not."""
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        seconds = noise(44_100 * 2, seed=number)
        write_wav(tmp_path / f"{number}.wav", seconds, 44_100)
    member = write_wav(tmp_path / "m.wav", noise(12_000, seed=8)).read_bytes()
    Path("a.tar").write_bytes(bytes(512) + member + bytes(700))
    rows: list[dict[str, object]] = [
        manifest_row(f"{n}.wav", TEXT) | {"offset": 0.3 * n, "duration": 0.9}
        for n in range(4)
    ]
    range_of = {"audio_offset": 512, "audio_bytes": len(member)}
    rows.append(manifest_row("a.tar", TEXT) | range_of)
    write_manifest(Path("one.jsonl"), rows)
    extract(Path("one"), "one.jsonl", "--dtype", "f32")
    again = manifest_row("2.wav", TEXT) | {"offset": 0, "duration": 0.9}
    write_manifest(Path("many.jsonl"), [*rows, again])
    extract(Path("many"), "many.jsonl", "--dtype", "f32")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_one_piece_of_each_file_is_served_and_checked() -> None:
    processor = tiny_qwen3_asr.make_processor()
    report = check(processor, "one", n=5, batch_size=2)
    assert report.num_rows == 5
    assert report.max_feature_difference <= 2e-4
    use_store(processor, "one")
    audio, _ = librosa.load("1.wav", sr=16_000, mono=True)
    assert len(audio) == 14_400
    Collator(processor, "one")


@pytest.mark.usefixtures("folder")
def test_check_finds_another_piece() -> None:
    """Or it would not cut the pieces out of the audio."""
    write_wav(Path("1.wav"), noise(44_100 * 2, seed=77), 44_100)
    with pytest.raises(melmill.DifferenceError):
        check(tiny_qwen3_asr.make_processor(), "one", n=5)


@pytest.mark.usefixtures("folder")
def test_several_pieces_of_a_file_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    message = r"'2\.wav' means 2 rows.*FeatureDataset.*Pieces of files"
    with pytest.raises(melmill.AmbiguousAudioError, match=message):
        use_store(processor, "many")
    with pytest.raises(melmill.AmbiguousAudioError, match=message):
        Collator(processor, "many")
    Path("train.py").write_text("raise RuntimeError('it must not start')\n")
    assert main(["--store", "many", "--", "train.py"]) == 2
    assert "'2.wav' means 2 rows" in capsys.readouterr().err
    # The check needs no strings.
    assert check(processor, "many", n=6).num_rows == 6
