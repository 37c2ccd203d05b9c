"""Tiny models for the processors of family.py, with random weights."""

from collections.abc import Callable
from typing import Any

import torch
import transformers
from tiny_qwen3_asr import AUDIO_TOKEN

AUDIO = {
    "num_mel_bins": 128,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "d_model": 32,
}
# As transformers 5 names the parts of an encoder.
NEW_AUDIO = {
    "num_mel_bins": 128,
    "hidden_size": 32,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
TEXT = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 4096,
}
VISION = {
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 32,
}
EXPERTS = {
    "moe_intermediate_size": 32,
    "num_experts": 2,
    "num_experts_per_tok": 1,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3]}


def make_qwen2_audio(audio_token_id: int) -> Any:
    return transformers.Qwen2AudioForConditionalGeneration(
        transformers.Qwen2AudioConfig(
            audio_config={"model_type": "qwen2_audio_encoder", **AUDIO},
            text_config={"model_type": "qwen2", **TEXT},
            audio_token_index=audio_token_id,
            audio_token_id=audio_token_id,
        )
    )


def make_glm_asr(audio_token_id: int) -> Any:
    return transformers.GlmAsrForConditionalGeneration(
        transformers.GlmAsrConfig(
            audio_config={"model_type": "glmasr_encoder", **NEW_AUDIO},
            text_config={"model_type": "llama", **TEXT},
            audio_token_id=audio_token_id,
        )
    )


def omni_text() -> dict[str, Any]:
    if transformers.__version__.startswith("4."):
        return {**TEXT, "rope_scaling": ROPE}
    return {**TEXT, "rope_parameters": {**ROPE, "rope_theta": 1e4}}


def omni_config(kind: Any, audio_token_id: int, **parts: Any) -> Any:
    config = kind(
        audio_token_id=audio_token_id,
        audio_token_index=audio_token_id,
        image_token_id=1,
        image_token_index=1,
        video_token_id=2,
        video_token_index=2,
        **parts,
    )
    config.vision_start_token_id = 3
    config.position_id_per_seconds = 25
    return config


def make_qwen2_5_omni(audio_token_id: int) -> Any:
    module = transformers.models.qwen2_5_omni
    config = omni_config(
        module.configuration_qwen2_5_omni.Qwen2_5OmniThinkerConfig,
        audio_token_id,
        audio_config={**AUDIO, "n_window": 100, "output_dim": 32},
        vision_config=VISION,
        text_config=omni_text(),
    )
    return transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)


def make_qwen3_omni(audio_token_id: int) -> Any:
    module = transformers.models.qwen3_omni_moe
    encoder = {
        "n_window": 50,
        "n_window_infer": 800,
        "output_dim": 32,
        "downsample_hidden_size": 8,
    }
    config = omni_config(
        module.configuration_qwen3_omni_moe.Qwen3OmniMoeThinkerConfig,
        audio_token_id,
        audio_config={**AUDIO, **encoder},
        vision_config={**VISION, "deepstack_visual_indexes": [0]},
        text_config={**omni_text(), **EXPERTS},
    )
    return transformers.Qwen3OmniMoeThinkerForConditionalGeneration(config)


MAKERS: dict[str, Callable[[int], Any]] = {
    "GlmAsrProcessor": make_glm_asr,
    "Qwen2AudioProcessor": make_qwen2_audio,
    "Qwen2_5OmniProcessor": make_qwen2_5_omni,
    "Qwen3OmniMoeProcessor": make_qwen3_omni,
}


def make_model(name: str, processor: Any) -> Any:
    """The model of a processor, whose weights keep the scale of inputs."""
    tokenizer = processor.tokenizer
    model = MAKERS[name](tokenizer.convert_tokens_to_ids(AUDIO_TOKEN))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(generator=generator)
                weights.div_(weights[0].numel() ** 0.5)
    return model.eval()
