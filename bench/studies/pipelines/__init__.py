"""The pipelines that peers.py compares, and what it finds of them.

compare.py starts those that are programs, with bench/studies in PYTHONPATH. By
hand, in bench/studies: python -m pipelines.peer_lhotse
"""
