"""Fine-tuning of Qwen3-ASR as the model's makers do it, as a small script.

It behaves as their script for qwen-asr 0.0.6: each clip is loaded by
`librosa.load` in the collator, and the processor is called twice a batch. It
knows nothing of melmill; the tests run it beside a store, unchanged.

Beyond theirs it takes --max_steps, --dtype and --start_method, and writes the
loss of each step to OUTPUT_DIR/lossesRANK.json.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import librosa
import torch
from datasets import load_dataset
from transformers import Trainer, TrainingArguments, set_seed

KEPT_COLUMNS = {"prompt", "audio", "target", "prefix_text"}
IGNORED_LABEL = -100


def send_forward_to_thinker(model: Any) -> None:
    """Gives the outer model, which has none, the forward of its thinker."""

    def forward(
        self: Any,
        input_ids: Any = None,
        attention_mask: Any = None,
        input_features: Any = None,
        feature_attention_mask: Any = None,
        labels: Any = None,
        **others: Any,
    ) -> Any:
        return self.thinker.forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            input_features=input_features,
            feature_attention_mask=feature_attention_mask,
            labels=labels,
            **others,
        )

    type(model).forward = forward


def load_audio(path: str, sr: int = 16000) -> Any:
    samples, _ = librosa.load(path, sr=sr, mono=True)
    return samples


def prefix_text(processor: Any, prompt: str | None) -> str:
    """The conversation up to the place where the model's answer begins."""
    conversation = [
        {"role": "system", "content": prompt or ""},
        {"role": "user", "content": [{"type": "audio", "audio": None}]},
    ]
    texts = processor.apply_chat_template(
        [conversation], add_generation_prompt=True, tokenize=False
    )
    return str(texts[0])


def load_rows(
    processor: Any, train_file: str | Path, eval_file: str | Path | None = None
) -> Any:
    """The splits train and, if given, validation, for the collator."""

    def row_of(line: dict[str, Any]) -> dict[str, Any]:
        prompt = line.get("prompt", "")
        return {
            "prompt": prompt,
            "audio": line["audio"],
            "target": line["text"],
            "prefix_text": prefix_text(processor, prompt),
        }

    files = {"train": str(train_file)}
    if eval_file:
        files["validation"] = str(eval_file)
    splits = load_dataset("json", data_files=files).map(row_of, num_proc=1)
    for name, rows in splits.items():
        dropped = set(rows.column_names) - KEPT_COLUMNS
        splits[name] = rows.remove_columns(sorted(dropped))
    return splits


@dataclasses.dataclass
class Collator:
    """Loads the clips of a batch and asks the processor for its tensors."""

    processor: Any
    sampling_rate: int = 16000

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Any:
        audios = [
            load_audio(row["audio"], sr=self.sampling_rate) for row in rows
        ]
        prefixes = [row["prefix_text"] for row in rows]
        end = self.processor.tokenizer.eos_token or ""
        inputs = self._process(
            [row["prefix_text"] + row["target"] + end for row in rows], audios
        )
        prefix_inputs = self._process(prefixes, audios)
        prefix_lengths = prefix_inputs["attention_mask"].sum(dim=1).tolist()

        labels = inputs["input_ids"].clone()
        for row, length in enumerate(prefix_lengths):
            labels[row, :length] = IGNORED_LABEL
        pad_id = self.processor.tokenizer.pad_token_id
        if pad_id is not None:
            labels[labels == pad_id] = IGNORED_LABEL
        inputs["labels"] = labels
        return inputs

    def _process(self, texts: list[str], audios: list[Any]) -> Any:
        return self.processor(
            text=texts,
            audio=audios,
            return_tensors="pt",
            padding=True,
            truncation=False,
        )


class CastingTrainer(Trainer):  # type: ignore[misc]  # has no types
    """Gives the model its floating-point inputs in its own type.

    Keeps the loss of each step, which the log rounds.
    """

    losses: list[float]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)
        self.losses.append(float(loss))
        return loss

    def _prepare_inputs(self, inputs: Any) -> Any:
        inputs = super()._prepare_inputs(inputs)
        for name, value in list(inputs.items()):
            if torch.is_tensor(value) and value.is_floating_point():
                inputs[name] = value.to(dtype=self.model.dtype)
        return inputs


def make_arguments(options: argparse.Namespace) -> TrainingArguments:
    return TrainingArguments(
        output_dir=options.output_dir,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.grad_acc,
        learning_rate=options.lr,
        num_train_epochs=options.epochs,
        max_steps=options.max_steps,
        logging_steps=1,
        warmup_ratio=0.02,
        dataloader_num_workers=options.num_workers,
        dataloader_pin_memory=False,
        dataloader_persistent_workers=options.num_workers > 0,
        dataloader_prefetch_factor=2 if options.num_workers > 0 else None,
        save_strategy="no",
        eval_strategy="epoch" if options.eval_file else "no",
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        use_cpu=True,
        report_to="none",
    )


def train(
    model: Any, processor: Any, collator: Any, options: argparse.Namespace
) -> list[float]:
    """Trains and returns the loss of each step."""
    send_forward_to_thinker(model)
    splits = load_rows(processor, options.train_file, options.eval_file)
    trainer = CastingTrainer(
        model=model,
        args=make_arguments(options),
        train_dataset=splits["train"],
        eval_dataset=splits.get("validation"),
        data_collator=collator,
        processing_class=processor.tokenizer,
    )
    trainer.losses = []
    trainer.train()
    return trainer.losses


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_path", required=True)
    parser.add_argument("--train_file", default="train.jsonl")
    parser.add_argument("--eval_file", default="")
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--sr", type=int, default=16000)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--grad_acc", type=int, default=1)
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--max_steps", type=int, default=-1)
    parser.add_argument("--num_workers", type=int, default=4)
    parser.add_argument("--start_method", choices=["fork", "spawn"])
    parser.add_argument("--dtype", default="float32")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    if options.start_method:
        multiprocessing.set_start_method(options.start_method, force=True)
    set_seed(0)
    from qwen_asr import Qwen3ASRModel  # main alone needs it

    wrapper = Qwen3ASRModel.from_pretrained(
        options.model_path, dtype=getattr(torch, options.dtype), device_map=None
    )
    collator = Collator(wrapper.processor, options.sr)
    losses = train(wrapper.model, wrapper.processor, collator, options)
    write_losses(options, losses)


def write_losses(options: argparse.Namespace, losses: list[float]) -> None:
    rank = os.environ.get("RANK", "0")
    path = Path(options.output_dir, f"losses{rank}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(losses))


if __name__ == "__main__":
    main()
