"""The command `melmill push`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
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
    add_common_options,
    check_common_options,
    exit_code_of,
)
from melmill._transfer.folder_lock import locked_folder
from melmill._transfer.push import Push
from melmill._transfer.store_url import StoreUrl, is_url

_DESCRIPTION = """\
Copies a store to object storage: the files that store.json names, and then
store.json. Of an unfinished store it copies the plan, the job and the shards
that are whole. What is there is compared and kept; nothing is replaced, so the
same command resumes, and several machines may push at the same time."""


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
        "push",
        usage="DIR s3://BUCKET/PREFIX [options]",
        description=_DESCRIPTION,
        exit_codes=EXIT_CODES,
    )
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("url", metavar="s3://BUCKET/PREFIX")
    parser.add_argument(
        "--delete",
        action="store_true",
        help="delete the shards of DIR, an unfinished store, once they are "
        "there",
    )
    add_common_options(parser)
    options = parser.parse_args(arguments)
    check_common_options(parser, options)
    return options


def _run(options: argparse.Namespace) -> int:
    if is_url(options.folder):
        raise UsageError(
            f"{options.folder} is no folder; it is melmill push DIR "
            "s3://bucket/prefix"
        )
    url = StoreUrl.parse(options.url)
    folder = Path(options.folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        raise UsageError(f"{folder}: {what}")
    session = Session(url, options.jobs)
    with locked_folder(folder, is_alone=options.delete, makes=False):
        push = Push(folder, session.objects, session.jobs)
        uploads, result = push.uploads, push.result
        with session.progress(
            "pushing",
            lambda: uploads.num_uploaded + uploads.num_kept,
            is_quiet=options.quiet,
        ):
            push.run(deletes=options.delete)
    print(_summary(options.folder, url, session, push))
    if result.left:
        print(
            f"warning: could not remove {', '.join(result.left)} from {url}; a "
            "finished store does not need them",
            file=sys.stderr,
        )
    return EXIT_OK


def _summary(folder: str, url: StoreUrl, session: Session, push: Push) -> str:
    uploads, result = push.uploads, push.result
    text = (
        f"pushed {folder} to {url}: "
        f"{count(uploads.num_uploaded, 'file')} uploaded ({session.traffic}), "
        f"{uploads.num_kept:,} kept"
    )
    if result.num_deleted:
        text += f", {count(result.num_deleted, 'local shard')} deleted"
    if result.is_finished:
        return f"{text}; the store there is finished"
    shards = count(result.num_shards, "shard")
    return f"{text}; {result.num_shards_there:,} of {shards} are there"
