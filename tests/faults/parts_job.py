"""The fault job's store, made in parts."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fault_job import SHARD_SIZE, FaultJob, is_final_name
from support import ANY_REJECTS, Run, files_of, run_melmill

MANIFESTS = ("train.jsonl", "eval.jsonl")
FLAGS = ("--shard-size", SHARD_SIZE, *ANY_REJECTS)


@dataclasses.dataclass(frozen=True)
class PartsJob:
    """The commands that make one store of the job, on some machine."""

    job: FaultJob
    store: Path
    flags: Sequence[str] = ("--threads", "2")

    def plan_arguments(self, *flags: str) -> list[str]:
        names = (*MANIFESTS, *FLAGS)
        return ["plan", *names, "--out", str(self.store), *self.flags, *flags]

    def part_arguments(self, part: str, *flags: str) -> list[str]:
        out = ("--out", str(self.store))
        return ["extract", *out, "--part", part, *self.flags, *flags]

    def finish_arguments(self, *flags: str) -> list[str]:
        return ["finish", "--out", str(self.store), *self.flags, *flags]

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Run:
        return run_melmill(
            *arguments, cwd=self.job.folder, env=env, under=under
        )

    def plan(self, *flags: str, env: Mapping[str, str] | None = None) -> Run:
        return self.run(self.plan_arguments(*flags), env)

    def part(
        self,
        part: str,
        *flags: str,
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Run:
        return self.run(self.part_arguments(part, *flags), env, under)

    def finish(self, *flags: str, env: Mapping[str, str] | None = None) -> Run:
        return self.run(self.finish_arguments(*flags), env)

    def extract(self) -> Run:
        """All at once, as without parts."""
        out = ("--out", str(self.store))
        return self.run(["extract", *MANIFESTS, *FLAGS, *out, *self.flags])

    def plan_of_train(self) -> Run:
        """A new plan, without the other split."""
        out = ("--out", str(self.store), "--update")
        return self.run(["plan", MANIFESTS[0], *FLAGS, *out, *self.flags])

    def assert_planned(self) -> None:
        run = self.plan()
        assert run.exit_code == 0, run.stderr

    def assert_finishes(self, whole: Mapping[str, bytes]) -> None:
        """A part and the finish make what is missing."""
        for run in (self.part("0/1"), self.finish()):
            assert run.exit_code == 0, run.stderr
        self.assert_complete(whole)

    def assert_complete(self, whole: Mapping[str, bytes]) -> None:
        """Nothing else is there either."""
        files = files_of(self.store)
        assert sorted(files) == sorted(whole)
        assert files == whole

    def final_files(self) -> dict[str, bytes]:
        """Those that the finished store has, too."""
        if not self.store.exists():
            return {}
        return {
            name: content
            for name, content in files_of(self.store).items()
            if is_final_name(name) and name != "job.json"
        }

    def assert_whole(self, whole: Mapping[str, bytes]) -> set[str]:
        """What has its final name is as in the store of one run; its names."""
        files = self.final_files()
        for name, content in files.items():
            assert content == whole.get(name), name
        if "store.json" in files:
            assert sorted(files) == sorted(whole)
        return set(files)

    def inodes(self) -> dict[str, int]:
        """By final name; a file that was replaced has another."""
        return {
            name: (self.store / name).stat().st_ino
            for name in self.final_files()
        }

    def temporary_files(self) -> list[str]:
        return sorted(path.name for path in self.store.glob("*.tmp"))

    def doubts(self) -> list[dict[str, object]]:
        return [
            json.loads(line)
            for path in self.store.glob(".doubts.*")
            for line in path.read_text().splitlines()
        ]
