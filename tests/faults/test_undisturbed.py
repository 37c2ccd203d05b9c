"""The job itself is what the fault tests need."""

import json
from pathlib import Path

from fault_job import FaultJob
from support import files_of


def test_job_has_all_that_faults_are_to_meet(
    job: FaultJob, whole: dict[str, bytes], tmp_path: Path
) -> None:
    index = json.loads(whole["store.json"])
    assert [split["name"] for split in index["splits"]] == ["train", "eval"]
    assert len(index["shards"]) >= 3
    rejects = [json.loads(row) for row in whole["rejects.jsonl"].splitlines()]
    assert {row["stage"] for row in rejects} == {"header", "decode"}
    assert (job.folder / "long.wav").stat().st_size > 1 << 20
    again = job.extract(tmp_path / "again", "--threads", "2")
    assert again.exit_code == 0
    assert files_of(tmp_path / "again") == whole
