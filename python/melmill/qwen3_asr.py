"""Fine-tuning of Qwen3-ASR from a store.

Serves the processor of the package qwen-asr and, from transformers 5.13 on,
that of transformers. Add one line to a script:

    use_store(processor, "features/")

or leave the script as it is:

    melmill qwen3-asr --store features/ -- SCRIPT [ARGUMENTS]
    torchrun ... -m melmill.qwen3_asr --store features/ -- SCRIPT [ARGUMENTS]

See docs/training.md.
"""

from __future__ import annotations

import argparse
import copy
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers

import melmill
from melmill._models import feature_extractor
from melmill._models.audio_loaders import Missing
from melmill._models.check import Report, check
from melmill._models.feature_extractor import StoredBatch, bind, unbound
from melmill._models.qwen3_asr_batch import training_batch
from melmill._store.errors import StoreError
from melmill._store.store import PathLike, Store

__all__ = ["Collator", "Report", "check", "main", "use_store"]


def use_store(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    missing: Missing = "error",
) -> None:
    """Lets a processor take the features of clips from a store.

    `librosa.load(path, sr=16000, mono=True)` then returns a stand-in for the
    samples of each clip in the store, as does transformers' `load_audio`, by
    which processors load paths. The processor's feature extractor turns
    stand-ins into the features that it would have computed. Samples are treated
    as before. This lasts as long as the processor's feature extractor,
    in this process and in each process that the processor is sent to.

    Call it before threads use the processor.

    Args:
      processor: A Qwen3ASRProcessor; it is changed in place.
      store: The store, its path, or several paths.
      missing: "error": a path that is not in the store is an error. "compute":
        its samples are loaded and its features are computed.

    Raises:
      ContractError: The processor's settings differ from the store's. Names
        each setting that differs.
      StoreError: The store cannot be opened.
    """
    feature_extractor.use_store(processor, store, missing=missing)


class Collator:
    """Collates training rows, and makes the features of a batch only once.

    The tensors equal those of the collator in upstream's fine-tuning script. A
    collator can be pickled and sent to other processes.

    Args:
      processor: A Qwen3ASRProcessor; it is not changed.
      store: The store, its path, or several paths.
      dtype: Type of the features: float32, float16 or bfloat16.

    Raises:
      ContractError: The processor's settings differ from the store's.
      StoreError: The store cannot be opened.
    """

    def __init__(
        self,
        processor: Any,
        store: Store | PathLike | Sequence[PathLike],
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.store = feature_extractor.opened(store)
        self.store.require_one_row_per_audio()
        self.dtype = dtype
        self._processor = copy.copy(processor)
        extractor = unbound(processor.feature_extractor)
        bind(extractor, self.store)
        self._processor.feature_extractor = extractor

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Any:
        """Collates rows with the keys `audio`, `target` and `prefix_text`.

        Returns:
          A BatchFeature with input_ids, attention_mask and labels (int64 [rows,
          tokens]), input_features [rows, n_mels, frames] and their mask (int32
          [rows, frames]), feature_attention_mask or, with transformers' own
          processor, input_features_mask.

        Raises:
          MissingAudioError: A clip is not in the store.
          StoreError: The store cannot be read.
        """
        clips = [self.store.find(row["audio"]) for row in rows]
        audio = StoredBatch(clips, self.dtype)
        return training_batch(self._processor, rows, audio)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a script whose Qwen3ASRProcessors read a store; see --help.

    Returns:
      The exit code: 2 if the store or the script cannot be opened, or if the
      script loaded no processor; else 0.
    """
    options = _parse(arguments)
    script, *script_arguments = options.command
    try:
        store = melmill.open(options.store, audio_root=options.audio_root)
        store.require_one_row_per_audio()
    except StoreError as error:
        return _fail(str(error))
    if not os.path.isfile(script):
        return _fail(f"there is no script {script}")
    num_served = _serve_new_processors(store, options.missing)
    sys.argv = [script, *script_arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
    if num_served() == 0:
        return _fail(
            f"{script} loaded no Qwen3ASRProcessor, so nothing read the store"
        )
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="melmill qwen3-asr",
        usage="%(prog)s --store DIR [options] -- SCRIPT [ARGUMENTS]",
        description="Runs a fine-tuning script that reads features from a "
        "store instead of computing them.",
    )
    parser.add_argument(
        "--store",
        action="append",
        required=True,
        metavar="DIR",
        help="a finished store; can be given several times",
    )
    parser.add_argument(
        "--missing",
        choices=["error", "compute"],
        default="error",
        help="treat audio that is not in the store as an error, or compute it",
    )
    parser.add_argument(
        "--audio-root",
        metavar="DIR",
        help="folder from which relative audio strings of the store start",
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="the script and its arguments"
    )
    options = parser.parse_args(arguments)
    if options.command[:1] == ["--"]:
        del options.command[0]
    if not options.command:
        parser.error("no script is given")
    return options


def _serve_new_processors(store: Store, missing: Missing) -> Callable[[], int]:
    """Lets each processor that is loaded read the store.

    Returns:
      A function that returns the number of processors so far.
    """
    processor_class = _processor_class()
    load = processor_class.from_pretrained.__func__
    num_served = 0

    def from_pretrained(cls: Any, *args: Any, **options: Any) -> Any:
        nonlocal num_served
        loaded = load(cls, *args, **options)
        use_store(loaded, store, missing=missing)
        num_served += 1
        return loaded

    processor_class.from_pretrained = classmethod(from_pretrained)
    return lambda: num_served


def _processor_class() -> Any:
    """That of transformers, from 5.13 on; else that of qwen-asr."""
    own = getattr(transformers, "Qwen3ASRProcessor", None)
    if own is not None:
        return own
    from qwen_asr.core.transformers_backend import Qwen3ASRProcessor

    return Qwen3ASRProcessor


def _fail(message: str) -> int:
    print(f"melmill: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
