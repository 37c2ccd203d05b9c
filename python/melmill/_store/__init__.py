"""Reads the files of a store (docs/format.md). Not public."""
