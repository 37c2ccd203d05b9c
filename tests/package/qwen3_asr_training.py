"""A training of a tiny Qwen3-ASR on the training corpus."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import tiny_qwen3_asr
import torch
import upstream_training
from training_corpus import BATCH_SIZE, Corpus

NUM_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Training:
    """A training of the tiny model, 20 steps on the corpus."""

    corpus: Corpus
    folder: Path

    def losses(
        self,
        collator: Any,
        *,
        processor: Any = None,
        num_workers: int = 0,
        dtype: str = "float32",
    ) -> list[float]:
        """Those of each step."""
        model = tiny_qwen3_asr.make_model().to(getattr(torch, dtype))
        losses = upstream_training.train(
            model,
            processor or collator.processor,
            collator,
            upstream_training.parse(self.arguments(num_workers=num_workers)),
        )
        assert len(losses) == NUM_STEPS
        return losses

    def arguments(
        self,
        *,
        model_path: Path = Path("none"),
        num_workers: int = 0,
        num_steps: int = NUM_STEPS,
    ) -> list[str]:
        """Of the script upstream_training."""
        return [
            *("--model_path", str(model_path)),
            *("--train_file", str(self.corpus.manifest)),
            *("--output_dir", str(self.folder)),
            *("--batch_size", str(BATCH_SIZE)),
            *("--max_steps", str(num_steps)),
            *("--num_workers", str(num_workers)),
            *("--lr", "1e-3"),
        ]

    def written_losses(self, rank: int = 0) -> list[float]:
        """What the script wrote."""
        path = self.folder / f"losses{rank}.json"
        losses: list[float] = json.loads(path.read_text())
        return losses


def examples_of(
    processor: Any, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows as upstream's data set has them."""
    return [
        {
            "audio": row["audio"],
            "prompt": row["prompt"],
            "target": row["text"],
            "prefix_text": upstream_training.prefix_text(
                processor, row["prompt"]
            ),
        }
        for row in rows
    ]
