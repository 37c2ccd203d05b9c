"""melmill ray: the parts of a store as tasks of a Ray cluster."""
