"""A real Slurm cluster of three nodes, all of them on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

NODES = ("n1", "n2", "n3")
CPUS_PER_NODE = 4  # one task of examples/slurm; more than the machine may have
MAX_ARRAY_SIZE = 7  # indices are 0 to 6

# cred_expire is how long a requeued job waits (120 s without it). The short
# timeouts and intervals make the controller notice a dead node within 20 s.
# JobRequeue and JobFileAppend (0 by default) leave to the example files what
# happens after a fault.
CONFIGURATION = """\
ClusterName=melmill
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=0
KillWait=30
MessageTimeout=4
SlurmdTimeout=8
SchedulerParameters=sched_interval=1,bf_interval=1
MaxArraySize={max_array_size}
MailProg=/bin/true
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
    " CPUs={cpus} RealMemory=8000\n"
)


def missing_programs() -> list[str]:
    """The programs of Slurm and MUNGE that this machine does not have."""
    programs = ("munged", "slurmctld", "slurmd", "sbatch")
    return [name for name in programs if not shutil.which(name)]


def wait_until(
    condition: Callable[[], bool], what: str, timeout_s: float = 60
) -> None:
    """Looks ten times a second."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {timeout_s} s"
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


def environment_of(process: Path) -> list[bytes]:
    """The variables that a process in /proc started with; none if it ended."""
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (x for x in status.splitlines() if x.startswith("PPid:"))
    return int(line.split()[1])


def kill(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def set_number_of_parts(examples: Path, num_parts: int) -> None:
    """As the first lines of parts.sbatch say: in two places."""
    path = examples / "parts.sbatch"
    text = path.read_text()
    for old, new in (
        ("--array=0-999%100\n", f"--array=0-{num_parts - 1}\n"),
        ("_ID/1000", f"_ID/{num_parts}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)


class Cluster:
    """Daemons with files, keys and ports of their own.

    Every process of the cluster has SLURM_CONF in its environment, which tells
    it from all others of the machine; only munged has a pid file alone.

    Args:
      folder: For all files of the cluster.
      nodes: Their names.
      cpus_per_node: As Slurm counts them.
    """

    def __init__(
        self,
        folder: Path,
        nodes: Sequence[str] = NODES,
        cpus_per_node: int = CPUS_PER_NODE,
    ) -> None:
        self.folder = folder
        self._nodes = nodes
        self._cpus_per_node = cpus_per_node
        self.env = {"SLURM_CONF": str(folder / "slurm.conf")}

    def start(self) -> None:
        folder = self.folder
        folder.mkdir()
        self._start_munged()
        host = socket.gethostname().split(".")[0]
        port, *node_ports = free_ports(1 + len(self._nodes))
        nodes = "".join(
            NODE.format(
                name=name, host=host, port=node_port, cpus=self._cpus_per_node
            )
            for name, node_port in zip(self._nodes, node_ports, strict=True)
        )
        text = CONFIGURATION.format(
            host=host, port=port, folder=folder, max_array_size=MAX_ARRAY_SIZE
        )
        (folder / "slurm.conf").write_text(nodes + text)
        self.run("slurmctld", "-c")
        for name in self._nodes:
            self.run("slurmd", "-N", name)
        wait_until(
            lambda: (
                self.run("sinfo", "-h", "-N", "-o", "%T").split()
                == ["idle"] * len(self._nodes)
            ),
            "idle nodes",
        )

    def _start_munged(self) -> None:
        names = ("socket", "pid-file", "log-file", "seed-file", "key-file")
        paths = {name: self.folder / f"munge.{name}" for name in names}
        paths["key-file"].touch(0o600)
        paths["key-file"].write_bytes(os.urandom(128))
        flags = [f"--{name}={path}" for name, path in paths.items()]
        self.run("munged", "--force", "--num-threads=2", *flags)

    def stop(self) -> None:
        """Ends all processes of the cluster."""
        kill(self._processes(), signal.SIGKILL)
        munged = self._pid_in("munge.pid-file")
        kill(munged, signal.SIGTERM)
        wait_until(
            lambda: (
                not self._processes()
                and not any(Path(f"/proc/{pid}").exists() for pid in munged)
            ),
            "the end of the cluster",
        )

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        code: int = 0,
    ) -> str:
        """What a command wrote; all of it if `code` is not 0."""
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        text = done.stdout + done.stderr
        assert done.returncode == code, text
        return text if code else done.stdout

    def wait_for_all_jobs(self, timeout_s: float = 60) -> None:
        wait_until(
            lambda: not self.run("squeue", "-h"), "an empty queue", timeout_s
        )

    def task(self, job: str) -> dict[str, str]:
        """The fields of a job, or of a task as in 7_3, by name."""
        text = self.run("scontrol", "show", "job", job, "--oneliner")
        return dict(
            field.split("=", 1) for field in text.split() if "=" in field
        )

    def kill_node(self, name: str) -> None:
        """All processes of a node die, as if it lost its power."""
        programs = [
            int(process.name)
            for process in self._members()
            if f"SLURMD_NODENAME={name}".encode() in environment_of(process)
        ]
        stepds = [parent_of(pid) for pid in programs]
        daemon = self._pid_in(f"{name}.pid")
        assert programs
        assert daemon
        kill([*daemon, *stepds, *programs], signal.SIGKILL)

    def _members(self) -> Iterator[Path]:
        mark = f"SLURM_CONF={self.env['SLURM_CONF']}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            if mark in environment_of(process):
                yield process

    def _processes(self) -> list[int]:
        return [int(process.name) for process in self._members()]

    def _pid_in(self, name: str) -> list[int]:
        path = self.folder / name
        return [int(path.read_text())] if path.exists() else []
