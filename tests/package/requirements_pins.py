"""The versions that tests/package/requirements*.txt name."""

from pathlib import Path


def transformers(major: int) -> str:
    """The version of transformers with this major version."""
    name = f"requirements-transformers-{major}.txt"
    lines = Path(__file__).with_name(name).read_text().splitlines()
    (pin,) = (line for line in lines if line.startswith("transformers=="))
    return pin.removeprefix("transformers==")
