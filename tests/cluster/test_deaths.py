"""Programs, workers, nodes and drivers die; the store stays the same."""

import fcntl
import os
import signal
import subprocess

from processes import is_alive, kill, parent_of, tree_of, wait_until
from ray_job import Call, RayJob

pytest_plugins = ["ray_fixtures"]


def start(
    ray_job: RayJob, milliseconds: int = 300
) -> tuple[subprocess.Popen[bytes], Call]:
    """A driver, and a part whose program is at work."""
    ray_job.slow_down(milliseconds)
    driver = ray_job.start()
    return driver, ray_job.wait_for_part()


def assert_tried_again(ray_job: RayJob, call: Call) -> list[Call]:
    """A part was started twice, and the store is as it must be."""
    assert_one_round(ray_job)
    attempts = ray_job.attempts(call.part)
    assert len(attempts) == 2
    return attempts


def assert_one_round(ray_job: RayJob) -> None:
    """The store is as it must be, when the finish looks for the first time."""
    ray_job.assert_same()
    finishes = [c for c in ray_job.calls() if c.arguments[0] == "finish"]
    assert len(finishes) == 1


def test_the_program_is_killed(ray_job: RayJob) -> None:
    driver, call = start(ray_job)
    os.kill(call.pid, signal.SIGKILL)
    run = ray_job.end(driver)
    first, second = assert_tried_again(ray_job, call)
    assert second.node != first.node
    assert f"part {call.part} on " in run.stderr
    assert "exit code 137" in run.stderr


def test_a_worker_is_killed(ray_job: RayJob) -> None:
    """Its program gets SIGTERM from the kernel."""
    driver, call = start(ray_job)
    worker = parent_of(call.pid)
    assert worker != ray_job.cluster.raylet(call.node)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not is_alive(call.pid), timeout_s=15)
    run = ray_job.end(driver)
    assert_tried_again(ray_job, call)
    assert f"part {call.part}: its worker or node died" in run.stderr


def test_a_raylet_is_killed(ray_job: RayJob) -> None:
    """Its worker goes on for a while, maybe while another tries the part."""
    driver, call = start(ray_job)
    os.kill(ray_job.cluster.raylet(call.node), signal.SIGKILL)
    ray_job.end(driver)
    assert_one_round(ray_job)
    first, *others = ray_job.attempts(call.part)
    assert all(other.node != first.node for other in others)
    assert not ray_job.cluster.is_alive(first.node)


def test_a_node_dies(ray_job: RayJob) -> None:
    driver, call = start(ray_job)
    kill(*tree_of(ray_job.cluster.raylet(call.node)))
    wait_until(lambda: not is_alive(call.pid), timeout_s=15)
    ray_job.end(driver)
    first, second = assert_tried_again(ray_job, call)
    assert second.node != first.node


def test_a_driver_is_killed_and_started_again(ray_job: RayJob) -> None:
    """The second one waits until the programs of the first have ended."""
    driver, _ = start(ray_job)
    driver.kill()
    wait_until(lambda: not ray_job.programs(), timeout_s=30)
    with (ray_job.store / ".lock").open() as lock:  # as if one lived on
        fcntl.flock(lock, fcntl.LOCK_EX)
        driver = ray_job.start()
        wait_until(lambda: num_plans(ray_job) >= 3, timeout_s=30)
    run = ray_job.end(driver)
    ray_job.assert_same()
    assert "complete" in run.stdout


def num_plans(ray_job: RayJob) -> int:
    return len([c for c in ray_job.calls() if c.arguments[0] == "plan"])


def test_a_driver_is_stopped(ray_job: RayJob) -> None:
    """It ends when no program is left; shards in work are whole or gone."""
    driver, _ = start(ray_job, milliseconds=1500)
    driver.send_signal(signal.SIGTERM)
    run = ray_job.end(driver, 143)
    assert run.stderr.endswith("stopped; the same command resumes\n")
    assert not ray_job.programs()
    names = {path.name for path in ray_job.store.iterdir()}
    assert not any(name.endswith(".tmp") for name in names)
    for name in names:
        if name.count(".") == 2 and not name.startswith("."):
            data = (ray_job.store / name).read_bytes()
            assert data == ray_job.one_run[name]
    ray_job.remove_settings()
    ray_job.extract()
    ray_job.assert_same()
