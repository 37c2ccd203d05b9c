"""Wrong usage, and nodes that must not work: one clear message each."""

import json
import os
from pathlib import Path

import pytest
from ray_job import RayJob

pytest_plugins = ["ray_fixtures"]


def test_the_plan_refuses(ray_job: RayJob) -> None:
    run = ray_job.extract(plan_flags=("--dtype", "f17"), code=2)
    assert "plan on " in run.stderr
    assert "error: --dtype f17: " in run.stderr
    assert not ray_job.store.exists()


def test_too_many_rejects(ray_job: RayJob) -> None:
    run = ray_job.extract(plan_flags=("--max-rejects", "0"), code=3)
    assert "1 of 45 lines rejected (2.2 %), more than --max" in run.stderr
    assert not ray_job.store.exists()


def test_a_part_that_refuses_stops_all(ray_job: RayJob) -> None:
    (ray_job.folder / "settings").write_text(
        """case "$*" in *"--part 3/8"*) set -- "$@" --update ;; esac\n"""
    )
    run = ray_job.extract(code=2)
    assert "part 3/8 on " in run.stderr
    assert "error: --update belongs to melmill plan" in run.stderr
    assert len(ray_job.attempts("3/8")) == 1
    assert not ray_job.programs()
    assert not (ray_job.store / "store.json").exists()
    ray_job.remove_settings()
    ray_job.extract()
    ray_job.assert_same()


def test_a_node_with_other_bits_is_named(ray_job: RayJob) -> None:
    """As if the plan had been made by a processor with another result."""
    bad = next(iter(ray_job.cluster.nodes))
    job = ray_job.store / "job.json"
    (ray_job.folder / "settings").write_text(
        f"""case "$*" in
info*) sed -i 's/"[0-9a-f]\\{{16\\}}"$/"{"0" * 16}"/' {job} ;;
esac
"""
    )
    run = ray_job.extract(code=2)
    assert f"(node {ray_job.cluster.ids[bad][:8]}):" in run.stderr
    assert "computes other features from 8000 Hz audio" in run.stderr
    assert json.loads(job.read_text())["canary"][0][1] == "0" * 16
    assert not any(call.part for call in ray_job.calls())


def test_a_node_that_is_too_small(ray_job: RayJob) -> None:
    run = ray_job.extract("--threads-per-task", "2", code=2)
    assert "no node of the cluster has 2 CPUs for a task" in run.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["extract", "a.jsonl"], "required: -o/--out"),
        (["extract", "--out", "s"], "required: MANIFEST"),
        (["plan", "a.jsonl", "--out", "s"], "invalid choice"),
        (["extract", "a", "-o", "s", "--parts", "0"], "give 1 or more"),
        (
            ["extract", "a.jsonl", "-o", "s", "--dtype", "f32"],
            "flags of melmill plan follow after --",
        ),
    ],
)
def test_wrong_usage(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from melmill.ray import main

    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_there_is_no_cluster(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    import melmill.ray

    def refuse(**_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("ray.init", refuse)
    assert melmill.ray.main(["extract", "a.jsonl", "-o", "s"]) == 2
    assert "error: there is no Ray cluster: set RAY_ADD" in (
        capsys.readouterr().err
    )


def test_nodes_without_the_program_or_with_another_are_named(
    ray_job: RayJob, tmp_path: Path
) -> None:
    cluster = ray_job.cluster
    for name in list(cluster.nodes):
        cluster.remove(name)
    old = tmp_path / "old" / "melmill"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho melmill 0.0.9\n")
    old.chmod(0o755)
    rest = os.environ["PATH"]
    try:
        cluster.add(PATH=f"{ray_job.program.parent}:{rest}")
        lacking = cluster.add()
        other = cluster.add(PATH=f"{old.parent}:{rest}")
        command = ray_job.command_without_program()
        run = ray_job.end(ray_job.start_command(command), 2)
    finally:
        for name in list(cluster.nodes):
            cluster.remove(name)
    ids = {n: f"(node {cluster.ids[n][:8]})" for n in (lacking, other)}
    lines = run.stderr.splitlines()
    assert "error: the nodes must have the same melmill, and have" in lines
    assert any("no program melmill: " in x and ids[lacking] in x for x in lines)
    assert any("melmill 0.0.9: " in x and ids[other] in x for x in lines)
    assert not ray_job.store.exists()
