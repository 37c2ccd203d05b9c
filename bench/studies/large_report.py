#!/usr/bin/env python3
"""Measures the time and the memory of `melmill report` on a large store.

Makes a store of, unless told otherwise, 1,000,000 rows of 0.2 s (few files,
many lines, as in many_lines.py), and runs `melmill report` on it, with --json
and as a page, with this Python, which needs the packages of the extra `report`.
By hand; the store takes 5 GB:

    bench/studies/large_report.py --folder /dev/shm
"""

import json
import sys
from pathlib import Path

import many_lines
from common import process_run

MAX_SECONDS = 60.0
MAX_MIB = 1024.0
REPOSITORY = Path(__file__).resolve().parents[2]
REPORT = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
from melmill._report.report_command import main
sys.exit(main())
"""


def make_store(melmill: Path, folder: Path, num_rows: int) -> Path:
    many_lines.make_clips(folder)
    manifest = folder / "train.jsonl"
    with manifest.open("w") as file:
        file.writelines(many_lines.manifest_lines(num_rows))
    store = folder / "store"
    process_run.run(
        [
            *(melmill, "extract", manifest, "--audio-root", folder),
            *("--max-rejects", "1%", "--quiet", "--out", store),
        ]
    )
    return store


def compare(melmill: Path, folder: Path, num_rows: int) -> bool:
    """Prints what was measured; whether it is within the limits."""
    store = make_store(melmill, folder, num_rows)
    for flags in (["--json"], []):
        out = folder / "report"
        run = process_run.run(
            [
                *(sys.executable, "-c", REPORT, str(REPOSITORY / "python")),
                *(str(store), "-q", "-o", str(out), *flags),
            ]
        )
        print(
            f"{num_rows:,} rows, {' '.join(flags) or 'the page'}: "
            f"{run.seconds:.1f} s, {run.cpu_s:.1f} s of CPU, peak "
            f"{run.max_rss_mb:.0f} MiB; others used {run.foreign_cpu:.0%} of "
            "the machine"
        )
        if flags:
            numbers = json.loads(out.read_text())
            expected = num_rows - num_rows // many_lines.LINES_A_REJECT
            if numbers["num_rows"] != expected:
                raise AssertionError(f"{numbers['num_rows']} rows")
    return run.cpu_s <= MAX_SECONDS and run.max_rss_mb <= MAX_MIB


def main() -> int:
    description = __doc__.splitlines()[0]
    return many_lines.run_study(description, "--rows", compare)


if __name__ == "__main__":
    sys.exit(main())
