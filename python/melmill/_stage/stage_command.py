"""The command `melmill stage`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from melmill._remote.command_line import (
    EXIT_MACHINE_FAULT,
    EXIT_OK,
    EXIT_TOO_MANY_REJECTS,
    EXIT_USAGE,
    StoppedError,
    UsageError,
    add_quiet_option,
    command_parser,
    fail,
    signals_raise,
)
from melmill._remote.file_systems import MAX_CONNECTIONS, MissingPackageError
from melmill._remote.progress import Progress, count, num_bytes_text
from melmill._remote.remote_error import LocalFaultError, RemoteFaultError
from melmill._stage.copies import Copies, FolderInUseError
from melmill._stage.output_files import OutputFiles, rejects_path
from melmill._stage.remote_files import RemoteFiles
from melmill._stage.staging import (
    PATH_FIELD,
    Fault,
    Staging,
    TooManyFaultsError,
)

_DEFAULT_JOBS = 16
_RESUME = "what was copied is kept; the same command resumes"

_DESCRIPTION = f"""\
Copies the audio that a manifest names by URL (s3, gs, https, http, hf) to a
folder, and writes a manifest in which each of these rows has the path of its
copy as {PATH_FIELD}. melmill reads the audio there, and the URL stays the name
of the row. Rows with a local path stay as they are. The same command resumes,
and copies only what is missing or has another size."""

_EXIT_CODES = """\
exit codes: 0 done, 2 wrong usage, 3 over 1 % of the rows are rejected (the
manifest is written without them), 4 fault of the machine, the network or a
server, 130/143 stopped by a signal; after 4, 130 and 143 the same command
resumes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; see --help.

    Copies that were given up may still wait for a server when it returns, in
    threads that keep the process alive.

    Returns:
      The exit code.
    """
    options = _parse(arguments)
    try:
        with signals_raise():
            return _run(options)
    except (UsageError, MissingPackageError) as error:
        return fail(EXIT_USAGE, str(error))
    except FolderInUseError:
        return fail(
            EXIT_USAGE, f"another melmill stage copies to {options.to} now"
        )
    except (LocalFaultError, RemoteFaultError) as error:
        return fail(EXIT_MACHINE_FAULT, f"{error}\n{_RESUME}")
    except StoppedError as stop:
        print(f"stopped; {_RESUME}", file=sys.stderr)
        return stop.exit_code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser(
        "stage",
        usage="IN.jsonl --to DIR OUT.jsonl [options]",
        description=_DESCRIPTION,
        exit_codes=_EXIT_CODES,
    )
    parser.add_argument("manifest", metavar="IN.jsonl", type=Path)
    parser.add_argument("output", metavar="OUT.jsonl", type=Path)
    parser.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder of the copies; the paths in OUT.jsonl begin with it as it "
        "is given here",
    )
    parser.add_argument(
        "--audio-field",
        metavar="FIELD",
        default="audio",
        help="field of IN.jsonl that has the URL (default: audio)",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=int,
        default=_DEFAULT_JOBS,
        help=f"files to copy at the same time, 1 to {MAX_CONNECTIONS} "
        f"(default: {_DEFAULT_JOBS})",
    )
    add_quiet_option(parser)
    options = parser.parse_args(arguments)
    if not 1 <= options.jobs <= MAX_CONNECTIONS:
        parser.error(f"--jobs: 1 to {MAX_CONNECTIONS}")
    if options.audio_field == PATH_FIELD:
        parser.error(f"--audio-field {PATH_FIELD}: the local path goes there")
    return options


def _run(options: argparse.Namespace) -> int:
    with _opened(options.manifest) as manifest:
        _check_paths(options)
        return _staged(options, manifest)


def _staged(options: argparse.Namespace, manifest: BinaryIO) -> int:
    files = RemoteFiles()
    with (
        Copies(options.to, files, num_jobs=options.jobs) as copies,
        OutputFiles(options.output) as output,
    ):
        staging = Staging(
            copies,
            output,
            audio_field=options.audio_field,
            prepare=files.prepare,
        )
        with (
            _shown_progress(options, staging, copies),
            contextlib.suppress(TooManyFaultsError),
        ):
            staging.run(manifest)
        if staging.faults:
            return _fail_with(staging.faults)
        copies.flush()
        output.finish()
        _print_result(options, staging, copies, output)
        allowed = max(1, staging.num_rows // 100)
        if output.num_rejected > allowed:
            return EXIT_TOO_MANY_REJECTS
        return EXIT_OK


def _check_paths(options: argparse.Namespace) -> None:
    try:
        str(options.to).encode()
    except UnicodeEncodeError:
        raise UsageError("--to: the folder's name is not UTF-8") from None
    if options.output.is_dir():
        raise UsageError(f"{options.output} is a folder")
    for path in (options.output, rejects_path(options.output)):
        if path.exists() and path.samefile(options.manifest):
            raise UsageError(f"{path} would replace the input")
    if not options.output.parent.is_dir():
        raise UsageError(f"there is no folder {options.output.parent}")
    if options.to.exists() and not options.to.is_dir():
        raise UsageError(f"--to {options.to}: this is not a folder")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _shown_progress(
    options: argparse.Namespace, staging: Staging, copies: Copies
) -> contextlib.AbstractContextManager[object]:
    def describe(seconds: float) -> str:
        counts = copies.counts
        text = f"staging: {count(staging.num_rows, 'row')}"
        text += f", {num_bytes_text(counts.bytes_copied)} copied"
        text += f", {counts.bytes_copied / seconds / 1e6:.0f} MB/s"
        if counts.kept:
            text += f", {count(counts.kept, 'file')} kept"
        if staging.faults:
            text += f", {count(len(staging.faults), 'file')} failed"
        return text

    return contextlib.nullcontext() if options.quiet else Progress(describe)


def _print_result(
    options: argparse.Namespace,
    staging: Staging,
    copies: Copies,
    output: OutputFiles,
) -> None:
    counts = copies.counts
    num_staged = staging.num_rows - output.num_rejected
    text = (
        f"staged {num_staged:,} of {count(staging.num_rows, 'row')}: "
        f"{count(counts.copied, 'file')} copied "
        f"({num_bytes_text(counts.bytes_copied)}), {counts.kept:,} kept"
    )
    if staging.num_local:
        text += f"; {count(staging.num_local, 'row')} had local audio"
    print(text)
    if output.num_rejected:
        print(
            f"{count(output.num_rejected, 'row')} rejected; "
            f"{rejects_path(options.output)} has the reasons"
        )
    words = ["melmill", "extract", str(options.output)]
    if options.audio_field != "audio":
        words += ["--audio-field", options.audio_field]
    print(f"next: {shlex.join([*words, '-o', 'features'])}")


def _fail_with(faults: Sequence[Fault]) -> int:
    lines = [f"{count(len(faults), 'file')} could not be copied:"]
    lines += [
        f"  line {fault.line}: {fault.audio}: {fault.message}"
        for fault in faults
    ]
    return fail(EXIT_MACHINE_FAULT, "\n".join([*lines, _RESUME]))
