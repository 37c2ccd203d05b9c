"""Manifests of other tools, and audio in other forms, as melmill reads them.

melmill.convert is the command. Each format has a module with a function that
yields one line for each of its rows, in the order of the source:
rows.Line, which holds a row of the new manifest or the reason for none.
"""
