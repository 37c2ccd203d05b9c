"""Files that the package writes. Not public."""
