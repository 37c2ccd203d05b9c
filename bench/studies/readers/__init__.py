"""The ways to make batches that reading.py compares."""
