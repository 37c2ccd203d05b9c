"""Lets the training code of other packages read stores. Not public."""
