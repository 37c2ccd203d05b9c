"""Clusters of this machine, for nodes.py: one or two nodes of one CPU."""
