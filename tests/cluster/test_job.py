"""melmill.ray.extract and melmill ray extract, undisturbed."""

import json
import os
import subprocess
import sys

from ray_job import NUM_SHARDS, SMALL_SHARDS, RayJob
from support import run_melmill

pytest_plugins = ["ray_fixtures"]

CALL = """
import json, os, ray, melmill.ray

ray.init(address="auto", log_to_driver=False)
print(json.dumps(melmill.ray.extract(
    ["train.jsonl"], "store", parts=3, threads_per_task=1,
    program={program!r}, plan_flags={plan_flags!r})))
"""


def test_the_store_is_that_of_one_run(ray_job: RayJob) -> None:
    run = ray_job.extract()
    ray_job.assert_same()
    assert f"making {NUM_SHARDS} shards in {NUM_SHARDS} parts" in run.stderr
    assert run.stdout == (
        "store: complete, 44 rows, 0.0 h in 8 shards; 1 line rejected, see "
        "rejects.jsonl (melmill info shows more)\n"
    )
    parts = [call for call in ray_job.calls() if call.part]
    assert {call.part for call in parts} == {f"{i}/8" for i in range(8)}
    assert {call.node for call in parts} == set(ray_job.cluster.nodes)
    assert all("--threads 1" in " ".join(c.arguments) for c in parts)


def test_a_job_calls_it_and_may_call_it_again(ray_job: RayJob) -> None:
    """From a job of its own, which has a connection already."""
    text = CALL.format(program=str(ray_job.program), plan_flags=SMALL_SHARDS)
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=ray_job.folder,
            env=ray_job.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout))
        ray_job.assert_same()
    assert runs[0]["status"] == "finished"
    assert (runs[0]["stored"], runs[0]["rejected"]) == (44, 1)
    assert runs[1]["status"] == "nothing_to_do"
    assert {call.part for call in ray_job.calls()} == {"", "0/3", "1/3", "2/3"}


def test_the_program_has_a_command_for_it(ray_job: RayJob) -> None:
    script = ray_job.folder / "bin" / "melmill-ray"
    command = "import sys; from melmill._scripts import ray; sys.exit(ray())"
    script.write_text(f"#!{sys.executable}\n{command}\n")
    script.chmod(0o755)
    path = f"{script.parent}:{os.environ['PATH']}"
    words = ray_job.command()[3:]
    run = run_melmill(
        "ray", *words, cwd=ray_job.folder, env={**ray_job.env, "PATH": path}
    )
    assert run.exit_code == 0, run.text
    ray_job.assert_same()
