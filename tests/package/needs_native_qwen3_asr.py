"""Skips a module of tests where transformers has no Qwen3-ASR of its own.

Such a module imports this one first.
"""

import pytest
import transformers

if not hasattr(transformers, "Qwen3ASRFeatureExtractor"):
    pytest.skip(
        f"transformers {transformers.__version__} has no Qwen3-ASR; 5.13 does",
        allow_module_level=True,
    )
