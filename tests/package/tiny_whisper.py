"""A Whisper with a few thousand random weights, made without a download."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

SPECIAL_TOKENS = [
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>"),
    "<|notimestamps|>",
]


def make_processor(folder: Path, *, n_mels: int = 80) -> Any:
    """A WhisperProcessor with a token for each byte; writes to the folder."""
    alphabet = sorted(ByteLevel.alphabet()) + SPECIAL_TOKENS
    vocabulary = {symbol: number for number, symbol in enumerate(alphabet)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        pad_token=SPECIAL_TOKENS[0],
    )
    return WhisperProcessor(WhisperFeatureExtractor(n_mels), tokenizer)


def make_model(*, n_mels: int = 80) -> Any:
    """A WhisperForConditionalGeneration that is evaluated."""
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=300,
        num_mel_bins=n_mels,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        init_std=0.2,  # so that the audio shows in what so few units make
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    return WhisperForConditionalGeneration(config).eval()
