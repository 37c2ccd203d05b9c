"""melmill.extract: the program run from Python, on rows of many kinds."""
