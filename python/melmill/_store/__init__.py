"""Reads the files of a store, described in docs/format.md. Not public."""
