"""tools/dependencies installs what is missing, and waits for apt's lock."""

import os
import subprocess
from pathlib import Path

import pytest
from support import REPOSITORY

# Stands in for apt-get. Its first runs, as many as LOCKED says, find a lock.
APT_GET = """\
#!/bin/sh
echo "$*" >>"$CALLS"
if [ "$(grep -c . "$CALLS")" -le "$LOCKED" ]; then
  echo "E: Could not get lock /var/lib/$LOCK." \\
    "It is held by process 7 (unattended-upgr)" >&2
  exit 100
fi
[ "$*" = "${BROKEN:-}" ] && echo "E: no such source" >&2 && exit 100
exit 0
"""
NOTHING_INSTALLED = "#!/bin/sh\nexit 1\n"
NO_TIME = '#!/bin/sh\necho "$1" >>"$SLEEPS"\n'
INSTALL = (
    "install -y -qq --no-install-recommends g++-aarch64-linux-gnu qemu-user"
)


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with nothing installed."""
    for name, text in (
        ("apt-get", APT_GET),
        ("dpkg-query", NOTHING_INSTALLED),
        ("sleep", NO_TIME),
        ("sudo", '#!/bin/sh\nexec "$@"\n'),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "SLEEPS": str(tmp_path / "sleeps"),
        "LOCK": "dpkg/lock-frontend",
        "LOCKED": "0",
    }


def run(machine: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REPOSITORY / "tools" / "dependencies", "cross"],
        env=machine,
        capture_output=True,
        text=True,
        check=False,
    )


def lines(machine: dict[str, str], name: str) -> list[str]:
    path = Path(machine[name])
    return path.read_text().splitlines() if path.exists() else []


def test_it_installs_what_is_missing(machine: dict[str, str]) -> None:
    done = run(machine)
    assert done.returncode == 0, done.stderr
    assert lines(machine, "CALLS") == ["update -qq", INSTALL]
    assert done.stderr == ""


@pytest.mark.parametrize(
    "lock", ["dpkg/lock-frontend", "apt/lists/lock", "cache/apt/archives/lock"]
)
def test_it_waits_for_each_lock_and_says_so(
    machine: dict[str, str], lock: str
) -> None:
    machine |= {"LOCK": lock, "LOCKED": "3"}
    done = run(machine)
    assert done.returncode == 0, done.stderr
    assert lines(machine, "CALLS") == ["update -qq"] * 4 + [INSTALL]
    assert lines(machine, "SLEEPS") == ["10"] * 3
    assert done.stderr == (
        "apt-get is in use by process 7 (unattended-upgr)\n"
        "waiting for its lock, for 10 minutes at most\n"
    )


def test_it_gives_up_after_ten_minutes(machine: dict[str, str]) -> None:
    done = run({**machine, "LOCKED": "100000"})
    assert done.returncode != 0
    assert "Could not get lock" in done.stderr
    # Ten minutes for the lists and ten for the installation.
    assert sum(map(int, lines(machine, "SLEEPS"))) == 2 * 600


def test_it_goes_on_with_the_lists_that_it_has(
    machine: dict[str, str],
) -> None:
    done = run({**machine, "BROKEN": "update -qq"})
    assert done.returncode == 0
    assert "no such source" in done.stderr
    assert lines(machine, "CALLS") == ["update -qq", INSTALL]
    assert lines(machine, "SLEEPS") == []


def test_a_failed_installation_fails(machine: dict[str, str]) -> None:
    done = run({**machine, "BROKEN": INSTALL})
    assert done.returncode != 0
    assert "no such source" in done.stderr
