"""Tables with a header: CSV as of Hugging Face, TSV as of Common Voice."""

import csv
import io
import os
from collections.abc import Iterator, Sequence

from melmill._convert.json_lines import open_input
from melmill._convert.rows import (
    AUDIO_NAMES,
    LANGUAGE_NAMES,
    MAX_LINE_BYTES,
    TEXT_NAMES,
    AudioFolders,
    InputError,
    Line,
    Reject,
    Row,
    Settings,
    make_line,
    wanted_text,
)


def convert_csv(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each row of a CSV file; see _convert."""
    return _convert(path, settings, ",", csv.QUOTE_MINIMAL)


def convert_tsv(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each row of a TSV file, in which quotes mean nothing.

    Common Voice does not balance them.
    """
    return _convert(path, settings, "\t", csv.QUOTE_NONE)


def _convert(
    path: str, settings: Settings, separator: str, quoting: int
) -> Iterator[Line]:
    """A line for each row.

    Relative paths start from the table's folder or its clips/, and otherwise
    from the working directory.

    Raises:
      InputError: The table lacks a column.
      OSError: It cannot be read.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    folder = os.path.dirname(path)
    clips = os.path.join(folder, "clips")
    with io.TextIOWrapper(
        open_input(path), "utf-8-sig", "surrogateescape", newline=""
    ) as file:
        reader = csv.reader(
            file,
            delimiter=separator,
            quoting=quoting,  # type: ignore[arg-type]
        )
        header = next(reader, [])
        audio = find_column(path, header, "audio", settings)
        text = find_column(path, header, "text", settings)
        language = find_column(path, header, "language", settings)
        is_common_voice = "client_id" in header
        folders = AudioFolders(
            [clips, folder, ""] if is_common_voice else [folder, clips, ""],
            settings,
        )

        def make_row(fields: Sequence[str]) -> Row:
            if len(fields) != len(header):
                raise Reject(
                    "the row and the header differ in length",
                    f"{len(fields)} fields, not {len(header)}",
                )
            return Row(
                folders.path(fields[header.index(audio)]),
                wanted_text(
                    fields[header.index(text)] if text else None, settings
                ),
                fields[header.index(language)] if language else "",
            )

        while True:
            number = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(path, number, Reject("no CSV", str(error)))
                continue
            if fields:
                yield make_line(path, number, make_row, fields)


def find_column(
    path: str, columns: Sequence[str], purpose: str, settings: Settings
) -> str:
    """The column for "audio", "text" or "language".

    It is the one that the flag names, or else the first usual name among the
    columns. The language may be "": no column has it. So may the text, with
    --no-text.

    Raises:
      InputError: There is none. The message lists the columns.
    """
    usual = {
        "audio": AUDIO_NAMES,
        "text": TEXT_NAMES,
        "language": LANGUAGE_NAMES,
    }[purpose]
    given = {
        "audio": settings.audio_field,
        "text": settings.text_field,
        "language": settings.language_field,
    }[purpose]
    if given and given in columns:
        return given
    lower = {column.lower(): column for column in reversed(columns)}
    found = [lower[name] for name in usual if name in lower]
    if found and not given:
        return found[0]
    if not given and (
        purpose == "language" or (purpose == "text" and settings.no_text)
    ):
        return ""
    shown = ", ".join(columns[:30])[:1000] or "none"
    wanted = f"the column {given}" if given else f"no column for the {purpose}"
    verb = "has not" if given else "has"
    raise InputError(
        f"{path} {verb} {wanted}; its columns are: {shown}\n"
        f"  name one with --{purpose}-field NAME"
        + (", or give --no-text" if purpose == "text" else "")
    )
