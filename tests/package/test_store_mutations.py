"""Whatever bytes of a store are wrong, reading it ends well."""

import os
import subprocess
import sys
from pathlib import Path

from support import REPOSITORY

PROGRAM = Path(__file__).with_name("store_mutations.py")
NUM_MUTATIONS = 2000


def test_no_damage_is_a_crash_or_takes_long_or_much_memory() -> None:
    """store_mutations.py says what must not be."""
    paths = [REPOSITORY / "python", REPOSITORY / "tests" / "fixtures"]
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", str(PROGRAM)),
            *("--mutations", str(NUM_MUTATIONS), "--seed", "19"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {
        outcome.strip(): int(count.replace(",", ""))
        for count, _, outcome in (
            line.strip().partition(" ") for line in done.stdout.splitlines()[1:]
        )
    }
    # Some damage is harmless, and much is found.
    assert sum(counts.values()) == NUM_MUTATIONS
    assert counts["DamagedStoreError"] > NUM_MUTATIONS / 5
    assert counts["read"] > NUM_MUTATIONS / 10
