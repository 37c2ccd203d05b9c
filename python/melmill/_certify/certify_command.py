"""The command `melmill certify`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence

from melmill._certify import certificate
from melmill._certify.certificate import Certificate
from melmill._certify.certifying import (
    DEFAULT_ROWS,
    Certifying,
    InTheWayError,
    NoAudioError,
)
from melmill._remote.command_line import (
    EXIT_DAMAGED,
    EXIT_MACHINE_FAULT,
    EXIT_OK,
    EXIT_USAGE,
    StoppedError,
    UsageError,
    add_quiet_option,
    command_parser,
    printable,
    signals_raise,
)
from melmill._remote.progress import Progress, count
from melmill._store.errors import (
    ContractError,
    DamagedStoreError,
    FormatError,
    StoreError,
    UnfinishedStoreError,
)

_DESCRIPTION = f"""\
Computes rows of a store again from their audio, with librosa and transformers'
WhisperFeatureExtractor, compares them with the store, and writes what it found
to {certificate.FILE_NAME} in the store's folder. A row whose audio file is not
the one that was stored is named and does not count as equal."""

_EXIT_CODES = """\
exit codes: 0 every row is equal within the bound, 1 rows differ, their audio
changed or is missing, or the store is damaged, 2 wrong usage, no finished
store, or no audio file is there, 4 fault of the machine, 130/143 stopped by a
signal; after 2, 4, 130 and 143 nothing was written."""

_STATUS = {
    EXIT_DAMAGED: "damaged",
    EXIT_USAGE: "wrong_usage",
    EXIT_MACHINE_FAULT: "machine_fault",
}


def main(version: str, arguments: Sequence[str] | None = None) -> int:
    """Runs the command; see --help.

    Args:
      version: The version of melmill.
      arguments: Those of the command line, if None.

    Returns:
      The exit code.
    """
    options = _parse(arguments)
    try:
        with signals_raise():
            return _run(options, version)
    except NoAudioError as error:
        advice = "--audio-root says where relative paths start"
        return _fail(options, EXIT_USAGE, f"{error} ({advice})")
    except (
        ContractError,
        FormatError,
        InTheWayError,
        UnfinishedStoreError,
        UsageError,
    ) as error:
        return _fail(options, EXIT_USAGE, str(error))
    except DamagedStoreError as error:
        return _fail(options, EXIT_DAMAGED, str(error))
    except (StoreError, OSError) as error:
        return _fail(options, EXIT_MACHINE_FAULT, str(error))
    except StoppedError as stop:
        print("stopped; nothing was written", file=sys.stderr)
        if options.json:
            _print_json({"status": "stopped", "exit_code": stop.exit_code})
        return stop.exit_code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser(
        "certify",
        usage="DIR [--rows N --seed S | --all] [options]",
        description=_DESCRIPTION,
        exit_codes=_EXIT_CODES,
    )
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument(
        "--rows",
        metavar="N",
        type=int,
        help=f"rows to compare, chosen at random (default: {DEFAULT_ROWS:,}; "
        "all if the store has fewer)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=int,
        help="seed of the choice: the same seed chooses the same rows "
        "(default: 0)",
    )
    parser.add_argument("--all", action="store_true", help="compare all rows")
    parser.add_argument(
        "--audio-root",
        metavar="DIR",
        help="folder that relative audio paths start from (default: the "
        "working directory)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object, the certificate, on standard output",
    )
    add_quiet_option(parser)
    options = parser.parse_args(arguments)
    if options.all and (options.rows, options.seed) != (None, None):
        parser.error("--all: not with --rows and --seed")
    if options.rows is not None and options.rows < 1:
        parser.error(f"--rows {options.rows}: give 1 or more")
    return options


def _run(options: argparse.Namespace, version: str) -> int:
    if not os.path.isdir(options.folder):
        raise UsageError(f"{options.folder}: there is no such folder")
    if not os.access(options.folder, os.W_OK | os.X_OK):
        raise UsageError(f"{options.folder}: cannot write to it")
    certifying = Certifying(
        options.folder,
        rows=None if options.all else options.rows or DEFAULT_ROWS,
        seed=options.seed or 0,
        audio_root=options.audio_root,
        version=version,
    )

    def describe(seconds: float) -> str:
        rows = count(certifying.num_rows, "row")
        speed = certifying.num_done / seconds
        return (
            f"certifying: {certifying.num_done:,} of {rows}, {speed:.0f} rows/s"
        )

    is_quiet = options.quiet
    with contextlib.nullcontext() if is_quiet else Progress(describe):
        made = certifying.run()
    exit_code = EXIT_OK if made.has_passed else EXIT_DAMAGED
    if options.json:
        status = {"status": made.content["verdict"], "exit_code": exit_code}
        _print_json({**status, **made.content})
    else:
        _print(made, os.path.join(options.folder, certificate.FILE_NAME))
    return exit_code


def _print(made: Certificate, path: str) -> None:
    for failure in made.failures:
        what = failure.what.replace("_audio", "")
        print(
            f"{what}: {failure.audio} (line {failure.line} of split "
            f"{failure.split}): {failure.message}"
        )
    num_more = made.num_rows - made.num_equal - len(made.failures)
    if num_more:
        print(f"and {count(num_more, 'row')} more")
    print(f"{made}\n{printable(path)} has the details")


def _print_json(content: dict[str, object]) -> None:
    print(json.dumps(content, ensure_ascii=True))


def _fail(options: argparse.Namespace, exit_code: int, message: str) -> int:
    """Says why nothing was written."""
    print(f"error: {message}", file=sys.stderr)
    if options.json:
        status = _STATUS[exit_code]
        _print_json(
            {"status": status, "exit_code": exit_code, "error": message}
        )
    return exit_code
