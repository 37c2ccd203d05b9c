"""What tells whether a file was written again."""

from pathlib import Path


def state(path: Path) -> tuple[int, int]:
    """Its inode, and the time of its last change."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns
