"""The exact features of padded batches, with NumPy alone.

    rows = melmill.open("features/")["train"][:8]
    batch = batch_features(rows)
    batch.features, batch.mask

`melmill.torch.collate` makes the same batches as PyTorch tensors.
"""

from melmill._batch.padding import PaddedBatch, batch_features

__all__ = ["PaddedBatch", "batch_features"]
