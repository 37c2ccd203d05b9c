"""The examples of docs/many-machines.md make the store of one run."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import markdown
import pytest
import yaml
from support import files_of, make_clips, melmill_path, write_manifest

MANIFESTS = ("train.jsonl", "eval.jsonl")
NUM_PARTS = 3  # in place of the 100 of the examples


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stores "one" and, planned only, FOLDER."""
    folder = tmp_path_factory.mktemp("planned")
    rows = make_clips(folder, 20)
    write_manifest(folder / "train.jsonl", rows[:12])
    write_manifest(folder / "eval.jsonl", rows[12:])
    for command, store in (("extract", "one"), ("plan", "FOLDER")):
        flags = ("--out", store, "--shard-size", "100KiB")
        run = [melmill_path(), command, *MANIFESTS, *flags, "--quiet"]
        subprocess.run(run, cwd=folder, check=True)
    return folder


@pytest.fixture
def folder(
    planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder: a copy of the planned one, with melmill in PATH."""
    shutil.copytree(planned, tmp_path / "work")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "melmill").symlink_to(melmill_path())
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def example(section: str, language: str) -> str:
    """The only block of code in a section, for fewer parts."""
    text = markdown.sections("many-machines.md")[section]
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert "100" in block
    return re.sub(r"\b100\b", str(NUM_PARTS), block)


def run_array(
    command: list[str], variable: str, folder: Path, *, first: int = 0
) -> None:
    """As an engine does: the command once for each index, then the finish."""
    assert "FOLDER" in command[-1]
    for index in range(first, first + NUM_PARTS):
        env = {**os.environ, variable: str(index)}
        subprocess.run(command, env=env, cwd=folder, check=True)
    subprocess.run(["melmill", "finish", "--out", "FOLDER"], check=True)


def assert_same_store(folder: Path) -> None:
    assert files_of(folder / "FOLDER") == files_of(folder / "one")


def test_kubernetes(folder: Path) -> None:
    spec = yaml.safe_load(example("Kubernetes", "yaml"))["spec"]
    assert spec["completions"] == NUM_PARTS
    assert spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    run_array(container["command"], "JOB_COMPLETION_INDEX", folder)
    assert_same_store(folder)


def test_aws_batch(folder: Path) -> None:
    definition = json.loads(example("AWS Batch", "json"))
    command = definition["containerProperties"]["command"]
    run_array(command, "AWS_BATCH_JOB_ARRAY_INDEX", folder)
    assert_same_store(folder)


def test_google_batch(folder: Path) -> None:
    (group,) = json.loads(example("Google Batch", "json"))["taskGroups"]
    assert group["taskCount"] == NUM_PARTS
    (runnable,) = group["taskSpec"]["runnables"]
    command = ["sh", "-c", runnable["script"]["text"]]
    run_array(command, "BATCH_TASK_INDEX", folder)
    assert_same_store(folder)


def test_snakemake(folder: Path) -> None:
    commands = re.findall('shell: "(.*)"', example("Snakemake", "snakemake"))
    finish, part, plan = commands
    subprocess.run(["sh", "-c", f"{plan} --shard-size 100KiB"], check=True)
    part = part.replace("{threads}", "1").replace("{wildcards.part}", "$PART")
    run_array(["sh", "-c", part], "PART", folder)
    assert finish == "melmill finish --out FOLDER"
    assert_same_store(folder)


def test_nextflow(folder: Path) -> None:
    text = example("Nextflow", "nextflow")
    (script,) = re.findall('"""\n(.*)\n    """', text)
    run_array(["sh", "-c", script], "part", folder)
    assert_same_store(folder)


class SerialClient:
    """Stands for Dask's: does all tasks at once, one after the other."""

    def __enter__(self) -> "SerialClient":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(
        self, task: Callable[[Any], Any], values: Any, **_: object
    ) -> list[Any]:
        return [task(value) for value in values]

    def gather(self, results: list[Any]) -> list[Any]:
        return results


def test_dask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = ModuleType("dask.distributed")
    distributed.__dict__["Client"] = SerialClient
    monkeypatch.setitem(sys.modules, "dask", ModuleType("dask"))
    monkeypatch.setitem(sys.modules, "dask.distributed", distributed)
    code = compile(example("Dask", "python"), "Dask", "exec")
    exec(code, {"__name__": "__main__"})
    assert_same_store(folder)


def test_the_table_says_what_is_tested_of_every_engine() -> None:
    sections = markdown.sections("many-machines.md")
    rows = markdown.table(sections["Other engines"], "| engine | tested |")
    names = list(sections)
    begin, end = map(
        names.index, ("Other engines", "Shards, parts and threads")
    )
    assert [name for name, _ in rows] == [
        "Slurm 22.05",
        *names[begin + 1 : end],
    ]
