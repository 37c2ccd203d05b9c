"""The parts of resampling.py: signals, what is measured, plots."""
