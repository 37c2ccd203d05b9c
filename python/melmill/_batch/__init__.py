"""Makes padded batches of rows, and chooses the rows. Not public."""
