"""Serves stored rows to other packages' training code. Not public."""
