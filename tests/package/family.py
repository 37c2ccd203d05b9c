"""Tiny instances of the classes that docs/training.md lists, by their name.

The images and videos of the Omni processors need torchvision, so these are made
without the parts that read them; they process text and audio as ever.
"""

import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_qwen3_asr
import tiny_whisper
import transformers
from transformers import WhisperFeatureExtractor

OTHER_TOKENS = {
    "image": "<|im_start|>",
    "video": "<|im_end|>",
    "vision_bos": "<|audio_start|>",
    "vision_eos": "<|audio_end|>",
}


def make_extractor(chunk_length: int = 30) -> Any:
    return WhisperFeatureExtractor(feature_size=128, chunk_length=chunk_length)


def make_whisper() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return tiny_whisper.make_processor(Path(folder), n_mels=128)


def with_audio_token(name: str) -> Any:
    return getattr(transformers, name)(
        make_extractor(),
        tiny_qwen3_asr.make_tokenizer(),
        audio_token=tiny_qwen3_asr.AUDIO_TOKEN,
    )


def make_omni(name: str, chunk_length: int = 30) -> Any:
    kind = getattr(transformers, name)
    processor = object.__new__(kind)
    tokenizer = tiny_qwen3_asr.make_tokenizer()
    vision = types.SimpleNamespace(merge_size=2)
    processor.feature_extractor = make_extractor(chunk_length)
    processor.tokenizer = tokenizer
    processor.image_processor = processor.video_processor = vision
    processor.chat_template = None
    tokens = {
        name: getattr(tokenizer, f"{name}_token")
        for name in ("audio", "audio_bos", "audio_eos")
    }
    for name, token in (tokens | OTHER_TOKENS).items():
        setattr(processor, f"{name}_token", token)
        number = tokenizer.convert_tokens_to_ids(token)
        setattr(processor, f"{name}_token_id", number)
    return processor


def make_voxtral() -> Any:
    """One without a tokenizer, which would be that of mistral-common."""
    processor = object.__new__(transformers.VoxtralProcessor)
    processor.feature_extractor = make_extractor()
    return processor


MAKERS: dict[str, Callable[[], Any]] = {
    "AudioFlamingo3Processor": lambda: with_audio_token(
        "AudioFlamingo3Processor"
    ),
    "GlmAsrProcessor": lambda: with_audio_token("GlmAsrProcessor"),
    "ParakeetFeatureExtractor": lambda: transformers.ParakeetFeatureExtractor(),
    "Qwen2AudioProcessor": lambda: with_audio_token("Qwen2AudioProcessor"),
    "Qwen2_5OmniProcessor": lambda: make_omni("Qwen2_5OmniProcessor", 40),
    "Qwen3ASRProcessor": tiny_qwen3_asr.make_processor,
    "Qwen3OmniMoeProcessor": lambda: make_omni("Qwen3OmniMoeProcessor"),
    "VoxtralProcessor": make_voxtral,
    "VoxtralRealtimeFeatureExtractor": lambda: (
        transformers.VoxtralRealtimeFeatureExtractor()
    ),
    "WhisperFeatureExtractor": make_extractor,
    "WhisperProcessor": make_whisper,
}


def exists(name: str) -> bool:
    """Whether this transformers, or qwen-asr beside it, has the class."""
    return name == "Qwen3ASRProcessor" or hasattr(transformers, name)
