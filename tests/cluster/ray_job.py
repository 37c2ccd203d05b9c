"""A small corpus, and an extraction of it on a Ray cluster of this machine."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import is_alive, wait_until
from ray.cluster_utils import Cluster
from support import (
    REPOSITORY,
    Run,
    files_of,
    make_clips,
    manifest_row,
    melmill_path,
    run_melmill,
    write_manifest,
)

SMALL_SHARDS = ("--shard-size", "112KiB")
NUM_CLIPS = 44
NUM_SHARDS = 8

# Logs its process, which the program then is, and its node. A node has what is
# in the file of its name: settings of the shell.
PROGRAM = """\
#!/bin/sh
echo "$$ $TEST_NODE $*" >>"{folder}/log"
[ ! -e "{folder}/settings" ] || . "{folder}/settings"
[ ! -e "{folder}/$TEST_NODE" ] || . "{folder}/$TEST_NODE"
exec "{program}" "$@"
"""

_CLUSTER_BYTES = 80 << 20  # of an object store: the least


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclasses.dataclass(frozen=True)
class Call:
    """One start of the program by a task."""

    pid: int
    node: str
    arguments: list[str]

    @property
    def part(self) -> str:
        """Its part, as in 3/8; empty for what makes no shard."""
        if "--part" not in self.arguments:
            return ""
        part = self.arguments[self.arguments.index("--part") + 1]
        index, _, count = part.partition("/")
        is_trial = int(index) + 1 == int(count) == NUM_SHARDS + 1
        return "" if is_trial else part


class TestCluster:
    """A head without CPUs, and nodes of one CPU."""

    __test__ = False

    def __init__(self, folder: Path, *, takes_jobs: bool = False) -> None:
        self.folder = folder
        # The head takes jobs through its dashboard.
        port = free_port() if takes_jobs else 0
        self.job_address = f"http://127.0.0.1:{port}"
        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "include_dashboard": takes_jobs,
                # Any free port. By default all heads of a machine want one,
                # and no job can be submitted to the later ones.
                "dashboard_agent_listen_port": 0,
                "object_store_memory": _CLUSTER_BYTES,
                **({"dashboard_port": port} if takes_jobs else {}),
            },
        )
        self.nodes: dict[str, Any] = {}
        self.ids: dict[str, str] = {}  # of all nodes that ever were
        self._num_started = 0
        self.restore()

    def restore(self) -> None:
        """Starts nodes until there are two."""
        for name, node in list(self.nodes.items()):
            if not self.is_alive(name):
                del self.nodes[name]
                self.cluster.remove_node(node)
        while len(self.nodes) < 2:
            self.add()

    def add(self, **env: str) -> str:
        """Starts a node, with more in its environment; its name."""
        name = f"node{self._num_started}"
        self._num_started += 1
        self.nodes[name] = self.cluster.add_node(
            num_cpus=1,
            object_store_memory=_CLUSTER_BYTES,
            env_vars={"TEST_NODE": name, **env},
        )
        self.ids[name] = self.nodes[name].node_id
        return name

    def remove(self, name: str) -> None:
        self.cluster.remove_node(self.nodes.pop(name))

    def head_processes(self) -> list[int]:
        """Those of the head; not those that they have started."""
        processes = self.cluster.head_node.all_processes.values()
        return [int(p.process.pid) for kind in processes for p in kind]

    def raylet(self, name: str) -> int:
        (process,) = self.nodes[name].all_processes["raylet"]
        return int(process.process.pid)

    def is_alive(self, name: str) -> bool:
        return is_alive(self.raylet(name))

    def reap(self) -> None:
        """Has no dead process of a node remain as a zombie.

        A worker of Ray looks for the process of its raylet, and takes a
        zombie for one that lives.
        """
        for node in self.nodes.values():
            for processes in node.all_processes.values():
                for process in processes:
                    process.process.poll()

    def shut_down(self) -> None:
        self.cluster.shutdown()


class RayJob:
    """Manifests of 44 clips and one missing file, and what makes a store."""

    def __init__(self, folder: Path, cluster: TestCluster) -> None:
        self.folder = folder
        self.cluster = cluster
        self.store = folder / "store"
        self._drivers: list[subprocess.Popen[bytes]] = []
        clips = folder / "clips"
        clips.mkdir()
        rows = make_clips(clips, NUM_CLIPS)
        rows = [{**row, "audio": f"clips/{row['audio']}"} for row in rows]
        write_manifest(
            folder / "train.jsonl", [*rows, manifest_row("gone.wav")]
        )
        names = ("train.jsonl", "--out", "one", *SMALL_SHARDS, "--quiet")
        run = run_melmill("extract", *names, cwd=folder)
        assert run.exit_code == 0, run.text
        self.one_run = files_of(folder / "one")
        index = json.loads(self.one_run["store.json"])
        assert len(index["shards"]) == NUM_SHARDS
        self.program = folder / "bin" / "melmill"
        self.program.parent.mkdir()
        text = PROGRAM.format(folder=folder, program=melmill_path())
        self.program.write_text(text)
        self.program.chmod(0o755)

    def slow_down(self, milliseconds: int = 300) -> None:
        """Has each call of a part on audio take so long."""
        build = Path(melmill_path()).parents[1]
        shim = build / "bench/studies/libslow_files.so"
        (self.folder / "settings").write_text(
            f"""[ "$1" != extract ] || export LD_PRELOAD={shim}
export SLOW_FILES_ROOT={self.folder}/clips SLOW_FILES_MS={milliseconds}
"""
        )

    def remove_settings(self, name: str = "settings") -> None:
        (self.folder / name).unlink()

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "RAY_ADDRESS": str(self.cluster.cluster.address),
            "PYTHONPATH": str(REPOSITORY / "python"),
        }

    def command(
        self, *flags: str, plan_flags: tuple[str, ...] = ()
    ) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "melmill.ray",
            "extract",
            "train.jsonl",
        ]
        command += ["--out", "store", "--threads-per-task", "1", *flags]
        if "--program" not in flags:
            command += ["--program", str(self.program)]
        return [*command, "--", *SMALL_SHARDS, *plan_flags]

    def command_without_program(self) -> list[str]:
        command = self.command("--program", "")
        at = command.index("--program")
        return command[:at] + command[at + 2 :]

    def start(
        self, *flags: str, plan_flags: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Starts a driver."""
        return self.start_command(self.command(*flags, plan_flags=plan_flags))

    def start_command(self, command: list[str]) -> subprocess.Popen[bytes]:
        driver = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._drivers.append(driver)
        return driver

    def end(self, driver: subprocess.Popen[bytes], code: int = 0) -> Run:
        """Waits for the end of a driver."""
        stdout, stderr = driver.communicate(timeout=100)
        run = Run(driver.returncode, stdout.decode(), stderr.decode())
        assert run.exit_code == code, run.text
        return run

    def extract(
        self, *flags: str, code: int = 0, plan_flags: tuple[str, ...] = ()
    ) -> Run:
        return self.end(self.start(*flags, plan_flags=plan_flags), code)

    def calls(self) -> list[Call]:
        """Every start of the program, in their order."""
        log = self.folder / "log"
        text = log.read_text() if log.exists() else ""
        words = [line.split() for line in text.splitlines()]
        return [Call(int(word[0]), word[1], word[2:]) for word in words]

    def attempts(self, part: str) -> list[Call]:
        return [call for call in self.calls() if call.part == part]

    def wait_for_part(self) -> Call:
        """A part at work: with a shard that is not whole yet."""
        working: list[Call] = []

        def is_one_at_work() -> bool:
            working[:] = [
                call
                for call in self.calls()
                if call.part and self._has_shard_in_work(call.pid)
            ]
            return bool(working)

        wait_until(is_one_at_work, timeout_s=30)
        return working[0]

    def assert_same(self) -> None:
        """The store is that of one run, and no program is left."""
        assert files_of(self.store) == self.one_run
        assert not self.programs()

    def programs(self) -> list[int]:
        return [call.pid for call in self.calls() if self._is_ours(call.pid)]

    def close(self) -> None:
        for driver in self._drivers:
            if driver.poll() is None:
                driver.send_signal(signal.SIGKILL)
            driver.communicate()
        wait_until(lambda: not self.programs(), timeout_s=30)

    def _is_ours(self, pid: int) -> bool:
        return is_alive(pid) and str(self.store).encode() in _command_line(pid)

    def _has_shard_in_work(self, pid: int) -> bool:
        try:
            files = [os.readlink(p) for p in Path(f"/proc/{pid}/fd").iterdir()]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return any(str(self.store) in f and ".tmp" in f for f in files)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
