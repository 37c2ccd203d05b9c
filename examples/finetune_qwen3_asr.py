#!/usr/bin/env python3
"""Fine-tunes Qwen3-ASR on manifests of WAV files, from start to end.

    pip install './python[qwen3-asr-hf]' accelerate
    examples/finetune_qwen3_asr.py train.jsonl eval.jsonl --out tuned/

Makes the feature store, or reads the one that --store names. Trains with
transformers' Trainer, evaluates the model before and after, and saves it.
Without --model it trains a tiny model with random weights, on any machine, to
show the steps.

`./python[qwen3-asr-hf]` is for checkpoints of transformers 5.13 and later, such
as Qwen/Qwen3-ASR-1.7B-hf. With `./python[qwen3-asr]`, which has the package
qwen-asr and transformers 4.57, the script takes Qwen/Qwen3-ASR-1.7B.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imported by main, since it takes half a minute
    import melmill
    import torch
    from transformers import TrainingArguments

NO_PROGRAM = """\
error: the program melmill was not found, so no features can be made.
Install the wheel with the program (docs/install.md), set MELMILL to the
program's path, or name a finished store: --store DIR"""


def find_program() -> str | None:
    """The program: $MELMILL, on PATH, of this Python, or of this checkout."""
    if "MELMILL" in os.environ:
        return os.environ["MELMILL"]
    checkout = Path(__file__).resolve().parents[1]
    places = (
        "melmill",
        Path(sys.executable).with_name("melmill"),
        checkout / "build" / "release" / "tools" / "melmill",
    )
    found = (shutil.which(str(place)) for place in places)
    return next(filter(None, found), None)


class TrainingRows:
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


def make_store(
    program: str, train: Path, evaluation: Path, folder: Path
) -> None:
    """Extracts the features of both manifests, or resumes the extraction."""
    done = subprocess.run(
        [
            *(program, "extract", f"train={train}", f"eval={evaluation}"),
            *("--out", folder, "--max-rejects", "1%", "--update"),
        ],
        check=False,
    )
    if done.returncode != 0:  # it has said why
        sys.exit(done.returncode)


def load_model(name: str | None, dtype: torch.dtype) -> tuple[Any, Any]:
    """The model and its processor."""
    import tiny_qwen3_asr

    if name is not None:
        return load_checkpoint(name, dtype)
    with tempfile.TemporaryDirectory() as folder:
        tiny_qwen3_asr.save(Path(folder))
        return load_checkpoint(folder, dtype)


def load_checkpoint(name: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Loads it with transformers' classes or, before 5.13, with qwen-asr."""
    import transformers

    if hasattr(transformers, "Qwen3ASRForConditionalGeneration"):
        model_class = transformers.Qwen3ASRForConditionalGeneration
        processor = transformers.AutoProcessor.from_pretrained(name)
        return model_class.from_pretrained(name, dtype=dtype), processor
    from qwen_asr import Qwen3ASRModel

    loaded = Qwen3ASRModel.from_pretrained(name, dtype=dtype)
    return loaded.model, loaded.processor


def training_arguments(options: argparse.Namespace) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=options.out / "checkpoints",
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        num_train_epochs=options.epochs,
        learning_rate=2e-5 if options.model else 3e-3,
        warmup_steps=2,
        bf16=torch.cuda.is_available(),
        dataloader_num_workers=options.workers,
        dataloader_persistent_workers=options.workers > 0,
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=10,
        remove_unused_columns=False,
        report_to="none",
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "train", type=Path, nargs="?", help="manifest to train on"
    )
    parser.add_argument(
        "eval", type=Path, nargs="?", help="manifest to evaluate on"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="a finished store with the splits train and eval; no manifests "
        "are needed then",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help='a checkpoint such as "Qwen/Qwen3-ASR-1.7B-hf", or a folder '
        "(default: a tiny model)",
    )
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if (options.store is None) != (options.eval is not None):
        parser.error("give two manifests, or --store and none")
    return options


def prepare_store(options: argparse.Namespace) -> Path:
    """The store's folder; makes the store unless --store names one."""
    if options.store is not None:
        return Path(options.store)
    program = find_program()
    if program is None:
        sys.exit(NO_PROGRAM)
    options.out.mkdir(parents=True, exist_ok=True)
    folder = Path(options.out, "features")
    make_store(program, options.train, options.eval, folder)
    return folder


def main() -> None:
    options = parse()
    folder = prepare_store(options)

    import melmill
    import torch
    from melmill.qwen3_asr import Collator
    from transformers import Trainer

    store = melmill.open(folder)
    has_gpu = torch.cuda.is_available()
    model, processor = load_model(
        options.model, torch.bfloat16 if has_gpu else torch.float32
    )
    # qwen-asr's outer model has no forward method; its thinker is trained.
    trainer = Trainer(
        model=getattr(model, "thinker", model),
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
