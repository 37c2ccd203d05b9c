"""Makes padded batches of stored rows, and chooses their rows. Not public."""
