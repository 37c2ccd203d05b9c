"""The command `melmill ray`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from melmill._process.extract_error import USAGE, ExtractError
from melmill._ray.cluster import connect
from melmill._ray.job import Job
from melmill._remote.progress import count

_DESCRIPTION = """\
Makes a store on all nodes of a Ray cluster: melmill plan, melmill extract
--part i/N for all i, melmill finish, each as a task. Every node must see the
manifests, the audio and DIR under the same paths, and have the program. The
cluster is that of RAY_ADDRESS, of `ray job submit`, or of this machine."""

_EXIT_CODES = """\
example:
  melmill ray extract train.jsonl --out /shared/features -- --dtype f32

exit codes: 0 the store is complete (rejects within --max-rejects), 2 wrong
usage or input, 3 too many rejects, 4 fault of machines, 130/143 stopped by a
signal; after 4, 130 and 143 the same command resumes."""

_NO_CLUSTER = """\
error: there is no Ray cluster: set RAY_ADDRESS, use `ray job submit`, or start
one with `ray start --head`"""


class _StoppedError(BaseException):
    """A signal asks to stop. No `except Exception` takes it for a fault."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class _Signals:
    """Remembers the first signal that asks to stop; the second one ends."""

    def __init__(self) -> None:
        self._number = 0
        # After Ray has installed its own.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._take)

    def check(self) -> None:
        if self._number:
            raise _StoppedError(self._number)

    def _take(self, number: int, _: FrameType | None) -> None:
        self._number = number
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; see --help.

    Returns:
      The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    options = _parse(words[:end])
    try:
        connect()
    except ConnectionError:
        print(_NO_CLUSTER, file=sys.stderr)
        return USAGE
    job = Job(
        options.manifests,
        options.out,
        num_parts=options.parts,
        num_threads=options.threads_per_task,
        program=options.program,
        plan_flags=words[end + 1 :],
        say=_say,
        check=_Signals().check,
    )
    try:
        report = job.run()
    except ExtractError as error:
        print(_with_error(str(error)), file=sys.stderr)
        return error.exit_code
    except _StoppedError as stop:
        print("stopped; the same command resumes", file=sys.stderr)
        return 128 + stop.signal_number
    print(_summary(options.out, report))
    return int(report["exit_code"])


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="melmill ray",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s extract MANIFEST... --out DIR [options] "
        "[-- flags of melmill plan]",
        allow_abbrev=False,
    )
    parser.add_argument("command", metavar="extract", choices=["extract"])
    parser.add_argument("manifests", metavar="MANIFEST", nargs="+")
    parser.add_argument(
        "-o", "--out", metavar="DIR", required=True, help="the store's folder"
    )
    parser.add_argument(
        "--parts",
        metavar="N",
        type=_positive,
        help="number of parts, at most one for each shard (default: four "
        "times as many as run at once)",
    )
    parser.add_argument(
        "--threads-per-task",
        metavar="N",
        type=_positive,
        default=4,
        help="threads of a part, and CPUs that Ray keeps for it (default: 4)",
    )
    parser.add_argument(
        "--program",
        metavar="PATH",
        help="the program on every node (default: melmill on the node's PATH, "
        "or beside its Python)",
    )
    options, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        parser.error(
            f"unknown: {' '.join(unknown)}; flags of melmill plan follow after "
            "--"
        )
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return number


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _with_error(message: str) -> str:
    return message if "error:" in message else f"error: {message}"


def _summary(out: str, report: dict[str, Any]) -> str:
    text = f"{out}: complete"
    if "stored" in report:
        text += f", {report['stored']:,} rows, {report['hours']:,.1f} h in "
        text += f"{report['shards']:,} shards"
    if report.get("rejected"):
        rejected = count(report["rejected"], "line")
        text += f"; {rejected} rejected, see rejects.jsonl"
    return f"{text} (melmill info shows more)"
