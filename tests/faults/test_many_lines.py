"""Memory does not grow with the number of lines; no line is lost."""

from pathlib import Path

import many_lines
from support import melmill_path

NUM_LINES = 100_000  # bench/studies/many_lines.py takes ten times as many


def test_peak_memory_hardly_follows_the_number_of_lines(
    tmp_path: Path,
) -> None:
    many_lines.make_clips(tmp_path)
    melmill = Path(melmill_path())
    few = many_lines.measure(melmill, tmp_path, many_lines.FEW_LINES)
    many = many_lines.measure(melmill, tmp_path, NUM_LINES)
    limit_mib = many_lines.memory_limit_mib(few, NUM_LINES)
    assert many.max_rss_mib <= limit_mib
