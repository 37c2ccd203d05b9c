"""Skips a module of tests where the package qwen-asr cannot be imported.

Such a module imports this one first.
"""

import pytest
import transformers

if not transformers.__version__.startswith("4."):
    pytest.skip(
        "qwen-asr 0.0.6 cannot be imported beside transformers "
        f"{transformers.__version__}; it asks for 4.57.6",
        allow_module_level=True,
    )
