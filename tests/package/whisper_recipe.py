"""The recipe by which people fine-tune Whisper, as its parts are written.

It knows nothing of melmill. `datasets.Audio` would decode the clips; it needs
torchcodec, so soundfile stands in for it here.
"""

import dataclasses
from pathlib import Path
from typing import Any

import datasets
import librosa


@dataclasses.dataclass
class RecipeCollator:
    """Pads features and labels of rows by the processor's own methods."""

    processor: Any
    decoder_start_token_id: int

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        features = [{"input_features": row["input_features"]} for row in rows]
        batch = self.processor.feature_extractor.pad(
            features, return_tensors="pt"
        )
        label_rows = [{"input_ids": row["labels"]} for row in rows]
        padded = self.processor.tokenizer.pad(label_rows, return_tensors="pt")
        labels = padded["input_ids"].masked_fill(
            padded["attention_mask"].ne(1), -100
        )
        if bool((labels[:, 0] == self.decoder_start_token_id).all()):
            labels = labels[:, 1:]
        batch["labels"] = labels
        return batch


def prepared(
    rows: list[dict[str, Any]], processor: Any, cache: Path
) -> datasets.Dataset:
    """Rows with `audio` and `sentence` as features and labels."""

    def prepare_dataset(row: dict[str, Any]) -> dict[str, Any]:
        samples, rate_hz = librosa.load(row["audio"]["path"], sr=16000)
        features = processor.feature_extractor(samples, sampling_rate=rate_hz)
        row["input_features"] = features.input_features[0]
        row["labels"] = processor.tokenizer(row["sentence"]).input_ids
        return row

    made = datasets.Dataset.from_list(rows).cast_column(
        "audio", datasets.Audio(decode=False)
    )
    return made.map(
        prepare_dataset,
        remove_columns=made.column_names,
        cache_file_name=str(cache),
    )
