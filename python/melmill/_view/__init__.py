"""Shows stores, splits and rows to people. Not public."""
