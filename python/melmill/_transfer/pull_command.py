"""The command `melmill pull`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from melmill._remote.command_line import (
    EXIT_OK,
    UsageError,
    command_parser,
)
from melmill._remote.progress import count
from melmill._transfer.command import (
    EXIT_CODES,
    Session,
    UnfinishedError,
    add_common_options,
    check_common_options,
    exit_code_of,
)
from melmill._transfer.folder_lock import locked_folder
from melmill._transfer.pull import Part, Pull
from melmill._transfer.store_url import StoreUrl, is_url

_DESCRIPTION = """\
Copies a finished store from object storage to a folder, and compares every
checksum. The same command resumes. Two more forms serve an extraction on many
machines (docs/object-storage.md): --part before a part, --for-finish before
`melmill finish`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; see --help.

    Threads that wait for a server may keep the process alive.

    Returns:
      The exit code.
    """
    options = _parse(arguments)
    return exit_code_of(lambda: _run(options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser(
        "pull",
        usage="s3://BUCKET/PREFIX DIR [options]",
        description=_DESCRIPTION,
        exit_codes=EXIT_CODES,
    )
    parser.add_argument("url", metavar="s3://BUCKET/PREFIX")
    parser.add_argument("folder", metavar="DIR")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--part",
        metavar="i/N",
        type=_part,
        help="copy the plan of an unfinished store, and print the shards of "
        "part i of N that are missing there, for `melmill extract --shards`",
    )
    kinds.add_argument(
        "--for-finish",
        action="store_true",
        help="copy an unfinished store without its features, for `melmill "
        "finish`",
    )
    add_common_options(parser)
    options = parser.parse_args(arguments)
    check_common_options(parser, options)
    return options


def _part(text: str) -> Part:
    match = re.fullmatch(r"([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text} is no part; part 3 of 100 is 3/100"
        )
    return Part(int(match[1]), int(match[2]))


def _run(options: argparse.Namespace) -> int:
    url = StoreUrl.parse(options.url)
    if is_url(options.folder):
        raise UsageError(f"{options.folder} is no folder")
    folder = Path(options.folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file")
    session = Session(url, options.jobs)
    pull = Pull(session.objects, folder, session.jobs)
    downloads, result = pull.downloads, pull.result
    pull.look()
    is_whole = options.part is None and not options.for_finish
    if is_whole and not result.is_finished:
        raise UnfinishedError(f"the store at {url} is not finished yet")
    is_alone = options.part is None
    with (
        locked_folder(folder, is_alone=is_alone, makes=True),
        session.progress(
            "pulling",
            lambda: downloads.num_copied + downloads.num_kept,
            is_quiet=options.quiet,
        ),
    ):
        if options.part is not None:
            pull.part(options.part)
        elif options.for_finish:
            pull.for_finish()
        else:
            pull.whole()
    _print_result(options, url, session, pull)
    return EXIT_OK


def _print_result(
    options: argparse.Namespace,
    url: StoreUrl,
    session: Session,
    pull: Pull,
) -> None:
    downloads, result = pull.downloads, pull.result
    text = (
        f"pulled {url} to {options.folder}: "
        f"{count(downloads.num_copied, 'file')} copied ({session.traffic}), "
        f"{downloads.num_kept:,} kept"
    )
    missing = len(result.missing)
    if options.part is not None:
        if not options.quiet:
            state = f"{count(missing, 'shard')} of the part missing"
            if result.is_finished:
                state = "the store is finished"
            print(f"{text}; {state}", file=sys.stderr)
        print(_ranges(result.missing))
        return
    if missing:
        text += f"; {missing:,} of {count(result.num_shards, 'shard')} missing"
    print(text)


def _ranges(numbers: Sequence[int]) -> str:
    """1-3,7 for 1, 2, 3 and 7."""
    parts = []
    pairs = enumerate(numbers)
    for _, group in itertools.groupby(pairs, lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}")
    return ",".join(parts)
