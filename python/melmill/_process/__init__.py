"""The program as a child process: how it starts, and why it failed."""
