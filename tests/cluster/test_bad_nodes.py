"""Nodes that fail while others work, and faults that all nodes have."""

import errno
import json
from pathlib import Path

from ray_job import RayJob
from support import files_of, melmill_path

pytest_plugins = ["ray_fixtures"]


def shim(name: str) -> Path:
    return Path(melmill_path()).parents[1] / "tests/faults" / f"{name}.so"


def break_reading(ray_job: RayJob, node: str) -> None:
    """Has no part on a node read a clip whose number ends in 7."""
    (ray_job.folder / node).write_text(
        f"""[ "$1" != extract ] || export LD_PRELOAD={shim("read_faults")}
export READ_FAULTS_NAME=7.wav READ_FAULTS_CALL=read READ_FAULTS_KIND=EIO
export READ_FAULTS_FROM=1 READ_FAULTS_COUNT=0
"""
    )


def test_a_node_that_cannot_read_some_audio_rejects_no_row(
    ray_job: RayJob,
) -> None:
    bad, good = ray_job.cluster.nodes
    break_reading(ray_job, bad)
    run = ray_job.extract()
    ray_job.assert_same()
    failed = [
        call.part
        for call in ray_job.calls()
        if call.node == bad and len(ray_job.attempts(call.part)) > 1
    ]
    assert failed
    for part in set(failed) - {""}:
        assert [call.node for call in ray_job.attempts(part)] == [bad, good]
    assert "7.wav" in run.stderr
    assert "it is tried elsewhere" in run.stderr


def test_what_no_node_can_read_is_left_to_the_finish(ray_job: RayJob) -> None:
    clips = ray_job.folder / "clips"
    (ray_job.folder / "settings").write_text(  # when the plan is there
        f'[ "$1" != info ] || rm -f {clips}/clip07.wav {clips}/clip31.wav\n'
    )
    run = ray_job.extract("--parts", "4", plan_flags=("--max-rejects", "9"))
    num_left = run.stderr.count("left to the finish")
    assert num_left >= 1
    assert run.stderr.count("it is tried elsewhere") == num_left  # once each
    text = (ray_job.store / "rejects.jsonl").read_text()
    codes = [json.loads(line)["code"] for line in text.splitlines()]
    assert codes == ["io_error", "io_error", "not_found"]


def test_a_full_disk_stops_the_job(ray_job: RayJob) -> None:
    (ray_job.folder / "settings").write_text(
        f"""[ "$2" != --out ] || export LD_PRELOAD={shim("write_faults")}
export WRITE_FAULTS_ROOT={ray_job.store} WRITE_FAULTS_AT=1
export WRITE_FAULTS_KIND=pwrite WRITE_FAULTS_FAULT=errors={errno.ENOSPC}
"""
    )
    run = ray_job.extract(code=4)
    assert "several nodes have the same fault" in run.stderr
    assert "No space left on device" in run.stderr
    # Not 32: four attempts at each of 8 parts.
    assert len([call for call in ray_job.calls() if call.part]) < 16
    assert not ray_job.programs()
    assert set(files_of(ray_job.store)) == {"job.json", "plan.h5"}
    ray_job.remove_settings()
    ray_job.extract()
    ray_job.assert_same()
