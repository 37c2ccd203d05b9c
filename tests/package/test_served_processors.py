"""Models that share Whisper's front end are served, or refused by name.

Each is made of its real class; docs/training.md has the list.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import family
import family_models
import librosa
import melmill
import numpy as np
import pytest
import requirements_pins
import torch
import transformers
from melmill._models.audio_loaders import original_load
from melmill.torch import collate
from melmill.whisper import check, use_store
from support import (
    REPOSITORY,
    extract,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)
from training_corpus import Corpus, feature_tolerance, num_samples

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

SERVED = [
    "GlmAsrProcessor",
    "Qwen2AudioProcessor",
    "Qwen2_5OmniProcessor",
    "Qwen3OmniMoeProcessor",
]
WHOLE = "Qwen3OmniMoeProcessor"  # does not cut clips, from transformers 5 on
ABSENT = "-"


def make(name: str) -> Any:
    if not family.exists(name):
        pytest.skip(f"transformers {transformers.__version__} has no {name}")
    return family.MAKERS[name]()


def batch_of(processor: Any, audio: list[Any]) -> Any:
    return processor(
        text=[f"a{processor.audio_token}b"] * len(audio),
        audio=audio,
        text_kwargs={"padding": True},
        return_tensors="pt",
    )


@pytest.mark.parametrize("name", SERVED)
def test_a_processor_makes_the_same_batches_from_the_store(
    name: str, training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    processor = make(name)
    paths = training_corpus.paths[4:12]
    samples = [original_load()(path, sr=16000)[0] for path in paths]
    expected = batch_of(processor, samples)
    use_store(processor, store_of("f16"))
    audio = [librosa.load(path, sr=16000)[0] for path in paths]
    assert not any(isinstance(clip, np.ndarray) for clip in audio)
    actual = batch_of(processor, audio)
    assert list(actual) == list(expected)
    for key, wanted in expected.items():
        if key == "input_features":
            wanted = wanted.numpy()
            difference = np.abs(actual[key].numpy() - wanted)
            assert (difference <= feature_tolerance(wanted, "f16")).all()
            assert difference.max() > 0
        else:
            assert torch.equal(actual[key], wanted), key


@pytest.mark.parametrize("name", SERVED)
def test_a_model_has_the_same_loss(
    name: str, training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    processor = make(name)
    model = family_models.make_model(name, processor)

    def loss_of(audio: list[Any]) -> float:
        batch = batch_of(processor, audio)
        with torch.no_grad():
            return float(model(**batch, labels=batch["input_ids"]).loss)

    paths = training_corpus.paths[4:7]
    expected = loss_of([original_load()(p, sr=16000)[0] for p in paths])
    silence = [np.zeros(num_samples(path), np.float32) for path in paths]
    assert abs(loss_of(silence) - expected) > 1e-2
    use_store(processor, store_of("f32"))
    actual = loss_of([librosa.load(path, sr=16000)[0] for path in paths])
    assert abs(actual - expected) <= 5e-6


@pytest.fixture(scope="module")
def long_split(tmp_path_factory: pytest.TempPathFactory) -> melmill.Split:
    """A clip of 41 s and a short one."""
    folder = tmp_path_factory.mktemp("long")
    paths = [
        write_wav(folder / f"{number}.wav", noise(length))
        for number, length in enumerate([656_000, 9000])
    ]
    manifest = write_manifest(
        folder / "a.jsonl", [manifest_row(path) for path in paths]
    )
    extract(folder / "store", manifest, "--dtype", "f32")
    return melmill.open(folder / "store")["a"]


@pytest.mark.parametrize("name", SERVED)
def test_rows_that_a_processor_would_cut_are_named_at_once(
    name: str, long_split: melmill.Split
) -> None:
    processor = make(name)
    if name == WHOLE and not transformers.__version__.startswith("4."):
        use_store(processor, long_split.store)
        audio, _ = librosa.load(long_split[0].audio, sr=16000)
        assert batch_of(processor, [audio])["input_features"].shape[2] == 4100
        return
    with pytest.raises(
        melmill.ContractError,
        match=rf"{name}: 1 of 2 rows are longer than [34]0 s .*0\.wav \(row 0",
    ):
        use_store(processor, long_split.store)


def test_the_padding_of_voxtral_is_one_of_a_data_set(
    long_split: melmill.Split,
) -> None:
    """Its processor cuts what one clip makes into pieces of 3,000 frames."""
    processor = make("VoxtralProcessor")
    for row in long_split:
        samples, _ = original_load()(row.audio, sr=16000)
        expected = processor._retrieve_input_features(
            [samples],
            3000,
            sampling_rate=16000,
            padding=True,
            truncation=False,
            pad_to_multiple_of=480_000,
            return_tensors="pt",
        )
        num_pieces = -(-len(samples) // 480_000)
        batch = collate([row], num_samples=480_000 * num_pieces)
        pieces = batch["input_features"][0].split(3000, dim=1)
        difference = (torch.stack(pieces) - expected).abs().max()
        assert 0 < float(difference) <= 2e-4
        assert len(pieces) == num_pieces


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("VoxtralProcessor", "its tokenizer, of mistral-common, reads"),
        ("AudioFlamingo3Processor", "its batches were not compared"),
        ("VoxtralRealtimeFeatureExtractor", "has the features of Whisper"),
        ("ParakeetFeatureExtractor", "has the features of Whisper"),
    ],
)
def test_others_are_refused_by_name(
    name: str, reason: str, store_of: Callable[..., Path]
) -> None:
    with pytest.raises(
        melmill.ContractError, match=f"^{name} is not served: .*{reason}"
    ):
        use_store(make(name), store_of("f16"))


def test_a_subclass_with_code_of_its_own_is_refused(
    store_of: Callable[..., Path],
) -> None:
    class Splitting(transformers.WhisperFeatureExtractor):  # type: ignore[misc]
        def __call__(self, raw_speech: Any, **options: Any) -> Any:
            return super().__call__(raw_speech[:8000], **options)

    class Renamed(transformers.WhisperFeatureExtractor):  # type: ignore[misc]
        pass

    with pytest.raises(melmill.ContractError, match="Splitting is not served"):
        use_store(Splitting(feature_size=128), store_of("f16"))
    use_store(Renamed(feature_size=128), store_of("f16"))


def verdict(name: str, store: Path) -> str:
    """What the guide must say of a class."""
    if not family.exists(name):
        return ABSENT
    served = family.MAKERS[name]()
    try:
        use_store(served, store)
    except melmill.ContractError:
        return "refused"
    text = str(check(served, store, n=6, batch_size=3))
    assert text.startswith("equal: 6 rows, 2 batches; largest difference ")
    assert text.endswith(", float16 rounding")
    return "served"


def test_the_table_of_the_guide_is_true(store_of: Callable[..., Path]) -> None:
    guide = (REPOSITORY / "docs" / "training.md").read_text()
    section = guide.split("\n## Which classes are served\n")[1]
    table = section.split("\n| class")[1].split("\n\n")[0]
    header, _, *lines = table.splitlines()
    versions = [cell.strip() for cell in header.split("|")][1:3]
    assert versions == [requirements_pins.transformers(n) for n in (4, 5)]
    column = versions.index(transformers.__version__)
    said = {}
    for line in lines:
        name, *answers = (cell.strip(" `") for cell in line[1:].split("|"))
        said[name] = answers[column]
    assert said == {
        name: verdict(name, store_of("f16")) for name in family.MAKERS
    }
