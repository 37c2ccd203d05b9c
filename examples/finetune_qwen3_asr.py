#!/usr/bin/env python3
"""Fine-tunes Qwen3-ASR on manifests of WAV files, from start to end.

    pip install './python[qwen3-asr]' accelerate
    examples/finetune_qwen3_asr.py train.jsonl eval.jsonl --out tuned/

Makes the feature store, trains with transformers' Trainer, evaluates the model
before and after, and saves it. As it stands it trains a tiny model with random
weights, on any machine, to show the steps. Set MODEL to train a real one.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import melmill
import tiny_qwen3_asr
import torch
from melmill.qwen3_asr import Collator
from qwen_asr import Qwen3ASRModel
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

# A checkpoint such as "Qwen/Qwen3-ASR-1.7B", or a folder. None: a tiny model.
MODEL: str | None = None

PROGRAM = os.environ.get("MELMILL", "melmill")


class TrainingRows(Dataset[dict[str, str]]):  # type: ignore[misc]
    """The rows of a split, with the keys that the collator needs.

    `prefix_text` is the conversation up to the model's answer, and `target` is
    the answer to learn.
    """

    def __init__(self, rows: melmill.Split, processor: Any) -> None:
        self.rows = rows
        self.processor = processor

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, str]:
        row = self.rows[index]
        conversation = [
            {"role": "system", "content": row.prompt},
            {"role": "user", "content": [{"type": "audio", "audio": None}]},
        ]
        (prefix_text,) = self.processor.apply_chat_template(
            [conversation], add_generation_prompt=True, tokenize=False
        )
        return {
            "audio": row.audio,
            "target": row.text,
            "prefix_text": prefix_text,
        }


def make_store(train: Path, evaluation: Path, folder: Path) -> melmill.Store:
    """Extracts the features of both manifests, or resumes the extraction."""
    subprocess.run(
        [
            *(PROGRAM, "extract", f"train={train}", f"eval={evaluation}"),
            *("--out", folder, "--max-rejects", "1%", "--update"),
        ],
        check=True,
    )
    return melmill.open(folder)


def load_model(dtype: torch.dtype) -> tuple[Any, Any]:
    """The model and its processor."""
    if MODEL is not None:
        loaded = Qwen3ASRModel.from_pretrained(MODEL, dtype=dtype)
        return loaded.model, loaded.processor
    with tempfile.TemporaryDirectory() as folder:
        tiny_qwen3_asr.save(Path(folder))
        loaded = Qwen3ASRModel.from_pretrained(folder, dtype=dtype)
        return loaded.model, loaded.processor


def training_arguments(options: argparse.Namespace) -> TrainingArguments:
    return TrainingArguments(
        output_dir=options.out / "checkpoints",
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        num_train_epochs=options.epochs,
        learning_rate=2e-5 if MODEL else 3e-3,
        warmup_ratio=0.02,
        bf16=torch.cuda.is_available(),
        dataloader_num_workers=options.workers,
        dataloader_persistent_workers=options.workers > 0,
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=10,
        remove_unused_columns=False,
        report_to="none",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path, help="manifest to train on")
    parser.add_argument("eval", type=Path, help="manifest to evaluate on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    store = make_store(options.train, options.eval, options.out / "features")
    has_gpu = torch.cuda.is_available()
    model, processor = load_model(torch.bfloat16 if has_gpu else torch.float32)
    # The outer model has no forward method; its thinker is trained.
    trainer = Trainer(
        model=model.thinker,
        args=training_arguments(options),
        train_dataset=TrainingRows(store["train"], processor),
        eval_dataset=TrainingRows(store["eval"], processor),
        data_collator=Collator(processor, store, dtype=model.dtype),
    )
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    after = trainer.evaluate()["eval_loss"]
    model.save_pretrained(options.out / "model")
    processor.save_pretrained(options.out / "model")
    print(f"evaluation loss {before:.3f} before, {after:.3f} after training")
    print(f"the tuned model is in {options.out / 'model'}")


if __name__ == "__main__":
    main()
