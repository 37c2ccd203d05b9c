"""python -m melmill.qwen3_asr runs a training script that knows no store."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import needs_qwen_asr  # noqa: F401  # skips this module
import pytest
from melmill import MissingAudioError
from melmill.qwen3_asr import main
from qwen3_asr_training import Training
from qwen_asr.core.transformers_backend import Qwen3ASRProcessor
from support import REPOSITORY
from training_corpus import Corpus, max_difference

pytest_plugins = ["training_fixtures", "qwen3_asr_fixtures"]
pytestmark = pytest.mark.transformers

SCRIPT = REPOSITORY / "tests" / "package" / "upstream_training.py"
FOLDERS = [REPOSITORY / "python", REPOSITORY / "examples", SCRIPT.parent]


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, FOLDERS))},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_spawned_workers_read_from_the_store(
    vanished_corpus: tuple[Corpus, Path],
    tiny_checkpoint: Path,
    raw_losses: dict[str, list[float]],
    tmp_path: Path,
) -> None:
    corpus, store = vanished_corpus
    training = Training(corpus, tmp_path)
    run = _run(
        *("-m", "melmill.qwen3_asr", "--store", store, "--", SCRIPT),
        *training.arguments(model_path=tiny_checkpoint, num_workers=2),
        *("--start_method", "spawn"),
        cwd=training.folder,
    )
    assert run.returncode == 0, run.stderr
    losses = training.written_losses()
    assert max_difference(losses, raw_losses["float32"]) <= 5e-6


# Trains from audio and then, once the processor is loaded, from the store.
TWO_TRAININGS = """
import sys
from qwen_asr import Qwen3ASRModel
import tiny_qwen3_asr, upstream_training
from upstream_training import Collator, train, write_losses
options = upstream_training.parse(sys.argv[1:])
processor = tiny_qwen3_asr.make_processor()
model = tiny_qwen3_asr.make_model()
raw = train(model, processor, Collator(processor), options)
loaded = Qwen3ASRModel.from_pretrained(options.model_path)
assert type(loaded.processor.feature_extractor) is not (
    type(processor.feature_extractor)
)
stored = train(
    loaded.model, loaded.processor, Collator(loaded.processor), options
)
write_losses(options, raw + stored)
"""


def test_each_process_of_torchrun_reads_from_the_store(
    training: Training, tiny_checkpoint: Path, store_of: Callable[..., Path]
) -> None:
    script = training.folder / "two_trainings.py"
    script.write_text(TWO_TRAININGS)
    run = _run(
        *("-m", "torch.distributed.run", "--standalone"),
        *("--nproc_per_node", "2", "-m", "melmill.qwen3_asr"),
        *("--store", store_of("f32"), "--", script),
        *training.arguments(model_path=tiny_checkpoint, num_steps=3),
        cwd=training.folder,
    )
    assert run.returncode == 0, run.stderr
    for rank in (0, 1):
        losses = training.written_losses(rank)
        raw, stored = losses[:3], losses[3:]
        assert max_difference(stored, raw) <= 5e-6
    assert training.written_losses(0) != training.written_losses(1)


@pytest.fixture
def launch(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., int]:
    """Runs the launcher in this process, which is left as it was."""
    from_pretrained = Qwen3ASRProcessor.__dict__.get("from_pretrained")

    def run(*arguments: str | Path) -> int:
        with monkeypatch.context() as changed:
            changed.setattr(sys, "argv", list(sys.argv))
            changed.setattr(sys, "path", list(sys.path))
            try:
                return main([str(argument) for argument in arguments])
            finally:
                assert from_pretrained is None
                if "from_pretrained" in Qwen3ASRProcessor.__dict__:
                    del Qwen3ASRProcessor.from_pretrained

    return run


def _script(folder: Path, *lines: str) -> Path:
    path = folder / "script.py"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_script_runs_as_it_would_alone(
    launch: Callable[..., int],
    tmp_path: Path,
    tiny_checkpoint: Path,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
) -> None:
    (tmp_path / "neighbour.py").write_text("value = 5\n")
    script = _script(
        tmp_path,
        "import sys, neighbour, librosa, numpy",
        "from transformers import AutoProcessor",
        "assert __name__ == '__main__'",
        f"assert sys.argv == [{str(tmp_path / 'script.py')!r}, '--a', '-b']",
        "import qwen_asr",
        f"processor = AutoProcessor.from_pretrained({str(tiny_checkpoint)!r})",
        f"audio, _ = librosa.load({training_corpus.paths[0]!r}, sr=16000)",
        "assert not isinstance(audio, numpy.ndarray)",
        "text = '<|audio_pad|>'",
        "made = processor(text=[text], audio=[audio], return_tensors='pt')",
        "assert made['input_features'].shape[1] == 128",
        f"librosa.load({str(tmp_path / 'missing.wav')!r}, sr=16000)",
    )
    with pytest.raises(MissingAudioError, match=r"missing\.wav"):
        launch("--store", store_of("f16"), "--", script, "--a", "-b")


def test_audio_outside_the_store_is_computed_if_asked_for(
    launch: Callable[..., int],
    tmp_path: Path,
    tiny_checkpoint: Path,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
) -> None:
    other = tmp_path / "other.wav"
    other.symlink_to(training_corpus.paths[0])
    script = _script(
        tmp_path,
        "import librosa, numpy",
        "from qwen_asr.core.transformers_backend import Qwen3ASRProcessor",
        f"loaded = Qwen3ASRProcessor.from_pretrained({str(tiny_checkpoint)!r})",
        f"audio, _ = librosa.load({str(other)!r}, sr=16000)",
        "assert isinstance(audio, numpy.ndarray)",
    )
    stores = ("--store", store_of("f32"), "--missing", "compute")
    assert launch(*stores, script) == 0


def test_a_wrong_store_is_named_before_the_script_starts(
    launch: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = _script(tmp_path, "raise AssertionError('it started')")
    assert launch("--store", tmp_path, "--", script) == 2
    assert f"melmill: {tmp_path}: there is no store.json" in (
        capsys.readouterr().err
    )


def test_a_missing_script_is_named(
    launch: Callable[..., int],
    store_of: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert launch("--store", store_of("f32"), "--", "nowhere.py") == 2
    assert "there is no script nowhere.py" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        launch("--store", store_of("f32"), "--")
    assert "no script is given" in capsys.readouterr().err


def test_a_script_that_loads_no_processor_is_an_error(
    launch: Callable[..., int],
    tmp_path: Path,
    store_of: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = _script(tmp_path, "pass")
    assert launch("--store", store_of("f32"), "--", script) == 2
    assert "nothing read the store" in capsys.readouterr().err
