"""The command `melmill report`: its arguments, messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from melmill._files.whole_file import write_whole_file
from melmill._remote.command_line import (
    EXIT_DAMAGED,
    EXIT_MACHINE_FAULT,
    EXIT_OK,
    EXIT_USAGE,
    StoppedError,
    UsageError,
    add_quiet_option,
    command_parser,
    fail,
    printable,
    signals_raise,
)
from melmill._remote.progress import Progress
from melmill._report import summary
from melmill._report.checks import checks, counts
from melmill._report.clipping import clipping
from melmill._report.clips import suspicious, typical
from melmill._report.mel_sample import choose, read_sample
from melmill._report.page import page
from melmill._report.rejects import rejects
from melmill._report.repeats import repeats
from melmill._report.row_columns import RowColumns, read_columns
from melmill._store.errors import (
    DamagedStoreError,
    StoreError,
    StoreReadError,
)
from melmill._store.store import open as open_store

_DESCRIPTION = """\
Writes one HTML file that shows what a store holds: hours, durations, levels,
clipping, silence and transcripts with their outliers, mels of each split,
spectrograms, rejected lines, and rows that are repeated or in several splits.
The file needs no other file and no network. It holds names, transcripts and
clips of the store."""
_EXIT_CODES = """\
exit codes: 0 done, 1 a file of the store is damaged, 2 wrong usage or no
finished store, 4 fault of the machine, 130/143 stopped by a signal."""
_NUM_SAMPLED = 2000
_SEED = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; see --help.

    Returns:
      The exit code.
    """
    options = _parse(arguments)
    try:
        with signals_raise():
            return _run(options)
    except DamagedStoreError as error:
        return fail(EXIT_DAMAGED, str(error))
    except StoreReadError as error:
        return fail(EXIT_MACHINE_FAULT, str(error))
    except (StoreError, UsageError) as error:
        return fail(EXIT_USAGE, str(error))
    except OSError as error:
        return fail(EXIT_MACHINE_FAULT, str(error))
    except StoppedError as stop:
        return stop.exit_code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser(
        "report",
        usage="DIR [-o FILE] [options]",
        description=_DESCRIPTION,
        exit_codes=_EXIT_CODES,
    )
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        help="the file to write (default: report.html; with --json standard "
        "output)",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="read the features of all rows for mels and silence (default: "
        f"{_NUM_SAMPLED:,} rows of each split, drawn at random with the seed "
        f"{_SEED})",
    )
    parser.add_argument(
        "--json", action="store_true", help="write the numbers as JSON"
    )
    parser.add_argument(
        "--audio-root",
        metavar="DIR",
        help="the folder from which relative audio paths start",
    )
    add_quiet_option(parser)
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    out = _output(options)
    store = open_store(options.folder, audio_root=options.audio_root)
    num_done = [0]
    steps: list[tuple[str, int]] = [("rows", sum(map(len, store.values())))]

    def describe(_: float) -> str:
        name, total = steps[-1]
        share = 100 * num_done[0] // max(total, 1)
        return f"reading {name}: {num_done[0]:,} of {total:,} ({share}%)"

    def count(further: int) -> None:
        num_done[0] += further

    with contextlib.nullcontext() if options.quiet else Progress(describe):
        columns = read_columns(store, count)
        places = choose(columns, None if options.all else _NUM_SAMPLED, _SEED)
        num_done[0] = 0
        steps.append(("features of rows", len(places)))
        sample = read_sample(columns, places, count)
        numbers = {
            "store": printable(options.folder),
            **_numbers(columns, sample, is_all=options.all),
        }
        if options.json:
            text = json.dumps(numbers, ensure_ascii=False, indent=1) + "\n"
        else:
            text = page(columns, numbers)
    if out is None:
        sys.stdout.write(text)
        return EXIT_OK
    content = text.encode("utf-8")
    write_whole_file(out, content)
    print(f"wrote {out}, {len(content) / 1e6:.1f} MB")
    return EXIT_OK


def _output(options: argparse.Namespace) -> Path | None:
    """The file to write; None for standard output."""
    if options.json and options.out is None:
        return None
    out = Path(options.out or "report.html")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; give -o the name of a file")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}")
    return out


def _numbers(
    columns: RowColumns, sample: Any, *, is_all: bool
) -> dict[str, Any]:
    store = columns.store
    contract = store.contract
    measures = summary.measures(columns, sample)
    numbers = {
        "settings": f"{contract.n_mels} mels of {contract.sample_rate_hz:,} "
        f"Hz, {contract.feature_type}",
        "num_rows": len(columns),
        "hours": summary.hours(columns),
        "measures": measures,
        "clipping": clipping(columns),
        "texts": summary.texts(columns),
        "sample": {
            "num_rows": len(sample.places),
            "num_rows_of_split": None if is_all else _NUM_SAMPLED,
            "seed": _SEED,
        },
        "mels": sample.of_splits,
        "clips": {
            "typical": typical(columns, sample),
            "suspicious": suspicious(measures),
        },
        "rejects": rejects(store),
        "repeats": repeats(columns),
        "certificates": summary.certificates(store.folders),
        **counts(columns.duration_s, columns.level_db, columns.source_rate),
    }
    return {**numbers, "checks": checks(numbers)}
