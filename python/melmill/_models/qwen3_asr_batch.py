"""The tensors of a training batch of Qwen3-ASR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

IGNORED_LABEL = -100


def training_batch(
    processor: Any,
    examples: Sequence[dict[str, Any]],
    audios: Any,
) -> Any:
    """The tensors that upstream's fine-tuning script makes of a batch.

    Args:
      processor: A Qwen3ASRProcessor.
      examples: Rows with the keys `prefix_text` and `target`.
      audios: The audio of the rows, as the processor accepts it.

    Returns:
      A BatchFeature with input_ids, attention_mask and labels (int64 [rows,
      tokens]), input_features and feature_attention_mask.
    """

    def process(texts: list[str]) -> Any:
        return processor(
            text=texts,
            audio=audios,
            return_tensors="pt",
            padding=True,
            truncation=False,
        )

    end = processor.tokenizer.eos_token or ""
    prefixes = [row["prefix_text"] for row in examples]
    inputs = process(
        [row["prefix_text"] + row["target"] + end for row in examples]
    )
    prefix_inputs = process(prefixes)
    labels = inputs["input_ids"].clone()
    # From the first token on, even if padding comes first, as upstream does.
    num_prefix = prefix_inputs["attention_mask"].sum(dim=1).tolist()
    for row, count in enumerate(num_prefix):
        labels[row, :count] = IGNORED_LABEL
    pad_id = processor.tokenizer.pad_token_id
    if pad_id is not None:
        labels[labels == pad_id] = IGNORED_LABEL
    inputs["labels"] = labels
    return inputs
