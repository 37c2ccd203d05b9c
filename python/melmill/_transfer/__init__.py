"""melmill push and melmill pull: stores on object storage."""
