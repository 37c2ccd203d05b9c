"""melmill stage: copies the remote audio of a manifest to a local folder."""
