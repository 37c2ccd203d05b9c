"""A Qwen3-ASR with a few thousand random weights, made without a download.

    python examples/tiny_qwen3_asr.py FOLDER

writes a checkpoint. With transformers 5.13 or later it is one of transformers'
own classes, which `Qwen3ASRForConditionalGeneration.from_pretrained(FOLDER)`
loads. Otherwise it is one of the package qwen-asr, which
`Qwen3ASRModel.from_pretrained(FOLDER)` loads. The vocabulary is the 256 bytes
and the special tokens that the processor and the chat template need.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2TokenizerFast, WhisperFeatureExtractor

IS_NATIVE = hasattr(transformers, "Qwen3ASRProcessor")
if IS_NATIVE:
    from transformers import (
        Qwen3ASRConfig,
        Qwen3ASRFeatureExtractor,
        Qwen3ASRForConditionalGeneration,
        Qwen3ASRProcessor,
    )
else:
    from qwen_asr.core.transformers_backend import (
        Qwen3ASRConfig,
        Qwen3ASRForConditionalGeneration,
        Qwen3ASRProcessor,
    )

AUDIO_TOKEN = "<|audio_pad|>"
END_OF_TEXT = "<|endoftext|>"
END_OF_TURN = "<|im_end|>"
SPECIAL_TOKENS = [
    END_OF_TEXT,
    "<|im_start|>",
    END_OF_TURN,
    "<|audio_start|>",
    "<|audio_end|>",
    AUDIO_TOKEN,
]

# The model's format: a system turn, a user turn with one audio, and the start
# of the assistant's answer.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "audio" -%}
<|audio_start|><|audio_pad|><|audio_end|>
{%- else -%}
{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""


def make_tokenizer(*, padding_side: str = "left") -> Any:
    """A Qwen2TokenizerFast with one token for each byte."""
    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = {symbol: number for number, symbol in enumerate(alphabet)}
    options: dict[str, Any] = {
        "unk_token": END_OF_TEXT,
        "eos_token": END_OF_TURN,
        "pad_token": END_OF_TEXT,
        "additional_special_tokens": SPECIAL_TOKENS,
        "extra_special_tokens": {
            "audio_token": AUDIO_TOKEN,
            "audio_bos_token": "<|audio_start|>",
            "audio_eos_token": "<|audio_end|>",
        },
        "padding_side": padding_side,
    }
    if not transformers.__version__.startswith("4."):
        tokenizer = Qwen2TokenizerFast(vocab=vocabulary, merges=[], **options)
        tokenizer.add_tokens(SPECIAL_TOKENS, special_tokens=True)
        return tokenizer
    with tempfile.TemporaryDirectory() as folder:
        vocabulary_file = Path(folder, "vocab.json")
        vocabulary_file.write_text(json.dumps(vocabulary), encoding="utf-8")
        merges_file = Path(folder, "merges.txt")
        merges_file.write_text("#version: 0.2\n", encoding="utf-8")
        return Qwen2TokenizerFast(
            vocab_file=str(vocabulary_file),
            merges_file=str(merges_file),
            **options,
        )


def make_processor(*, padding_side: str = "left") -> Any:
    """A Qwen3ASRProcessor that pads token ids on the given side."""
    return Qwen3ASRProcessor(
        feature_extractor=(
            Qwen3ASRFeatureExtractor()
            if IS_NATIVE
            else WhisperFeatureExtractor(feature_size=128)
        ),
        tokenizer=make_tokenizer(padding_side=padding_side),
        chat_template=CHAT_TEMPLATE,
    )


def make_config() -> Any:
    tokenizer = make_tokenizer()
    audio_config = {
        "num_mel_bins": 128,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "d_model": 32,
        "downsample_hidden_size": 8,
        "n_window": 50,
        "n_window_infer": 800,
        "output_dim": 32,
    }
    text_config: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
    }
    token_id = tokenizer.convert_tokens_to_ids
    if IS_NATIVE:
        return Qwen3ASRConfig(
            audio_config=audio_config,
            text_config=text_config,
            audio_token_id=token_id(AUDIO_TOKEN),
            pad_token_id=token_id(END_OF_TEXT),
            eos_token_id=token_id(END_OF_TURN),
        )
    scaling = {"rope_type": "default", "mrope_section": [3, 3, 2]}
    return Qwen3ASRConfig(
        thinker_config={
            "audio_config": audio_config,
            "text_config": {**text_config, "rope_scaling": scaling},
            "audio_token_id": token_id(AUDIO_TOKEN),
            "audio_start_token_id": token_id("<|audio_start|>"),
            "audio_end_token_id": token_id("<|audio_end|>"),
        },
        support_languages=["English", "German"],
    )


def make_model(*, seed: int = 0) -> Any:
    """A Qwen3ASRForConditionalGeneration in float32 with random weights.

    The weights keep the scale of each layer's input, so that the loss depends
    on the audio. The model's own initialisation would let almost nothing
    through layers with so few units.
    """
    model = Qwen3ASRForConditionalGeneration(make_config())
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(generator=generator)
                weights.div_(weights[0].numel() ** 0.5)
    return model


def save(folder: Path, *, padding_side: str = "left", seed: int = 0) -> Path:
    """Writes a checkpoint of the model and its processor."""
    make_model(seed=seed).save_pretrained(folder)
    make_processor(padding_side=padding_side).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    save(Path(sys.argv[1]))
