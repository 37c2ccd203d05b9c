"""melmill convert: manifests of other tools as manifests of melmill.

    melmill convert FORMAT IN... OUT.jsonl
    python -m melmill.convert FORMAT IN... OUT.jsonl

See docs/convert.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from melmill._convert import audio, chat, csv_table, kaldi, lhotse, parquet, tar
from melmill._convert.language import language_name
from melmill._convert.output import Output, check_output
from melmill._convert.recognize import Kind, recognize
from melmill._convert.rows import InputError, Line, Settings
from melmill._extract.program import find_program

__all__ = ["main"]

_OK, _USAGE, _REJECTS, _MACHINE, _SIGNAL = 0, 2, 3, 4, 128

_HELP = """\
Usage: melmill convert FORMAT IN... OUT.jsonl [flags]

Turn manifests of other tools into a manifest of melmill. Each line of IN
becomes a line of OUT.jsonl, or one of OUT.jsonl.rejects with the reason.

Formats:
  lhotse                  Cuts: .jsonl or .jsonl.gz
  kaldi                   A data folder with wav.scp, text and, if there,
                          segments and utt2lang. Commands are not run
  csv                     A table with a header, such as metadata.csv
  tsv                     A table of Common Voice: quotes mean nothing, paths
                          start from clips/
  chat                    Messages with audios of ms-swift or LLaMA-Factory:
                          JSON lines or a JSON array
  tar                     Archives of WebDataset or of lhotse Shar, as byte
                          ranges: nothing is unpacked
  parquet, arrow          Data sets of Hugging Face with the audio inside. It
                          goes into OUT.tar. Needs pyarrow
  audio                   A manifest of melmill. ffmpeg converts the files
                          whose format melmill does not read to FLAC, in
                          OUT_audio/. Before the manifest, the rejects.jsonl
                          of its store may be given

Input and output:
  IN...                   Files or folders of this format
  OUT.jsonl               The manifest to write; it is replaced if it is there

Flags:
      --language NAME     Language of texts whose line gives none, such as
                          English or en: they become "language
                          English<asr_text>{transcript}"
      --plain-text        Leave texts as they are, whatever their language:
                          for Whisper
      --audio-root FOLDER
                          Folder that relative audio paths start from (default:
                          as in the other tool)
      --audio-field NAME  Column or field with the audio (default: the usual
                          names)
      --text-field NAME   Column or field with the text (default: the usual
                          names)
      --language-field NAME
                          Column or field with the language of each text
                          (default: the usual names)
      --no-text           Accept lines without a text
      --max-rejects N or P%
                          Accept up to N rejected lines, or P% of all (default:
                          1%, and always 1 line)
  -h, --help              Show this help

Examples:
  melmill convert lhotse cuts_train.jsonl.gz train.jsonl
  melmill convert kaldi data/train train.jsonl --language English
  melmill convert tsv cv-corpus/de/train.tsv train.jsonl --language German
  melmill convert tar shards/*.tar train.jsonl --language English
  melmill convert audio train.jsonl train_flac.jsonl

Exit codes: 0 done, 2 wrong usage or input, nothing was written, 3 more lines
are rejected than --max-rejects allows, 4 a fault of the machine.
"""

# What reads a file of each format. parquet and audio need more than a file.
_READERS: dict[str, Callable[[str, Settings], Iterator[Line]]] = {
    "lhotse": lhotse.convert,
    "kaldi": kaldi.convert,
    "csv": csv_table.convert_csv,
    "tsv": csv_table.convert_tsv,
    "chat": chat.convert,
    "tar": tar.convert,
}
_FORMATS = (*_READERS, "parquet", "arrow", "audio")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as the program does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}\n  see melmill convert --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Converts one manifest; see --help.

    Returns:
      The exit code: 0, 2 for wrong usage or input, 3 for too many rejects, 4
      for a fault of the machine, 130 or 143 after a signal.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or {"-h", "--help"} & set(words):
        print(_HELP, end="", file=sys.stdout if words else sys.stderr)
        return _OK if words else _USAGE
    handler = signal.signal(signal.SIGTERM, _stop)
    try:
        return _convert(_parse(words))
    except InputError as error:
        return _fail(str(error), _USAGE)
    except KeyboardInterrupt:
        return _fail("stopped; OUT was not written", _SIGNAL + signal.SIGINT)
    except _Stopped:
        return _fail("stopped; OUT was not written", _SIGNAL + signal.SIGTERM)
    except (
        *(FileNotFoundError, PermissionError, NotADirectoryError),
        IsADirectoryError,
    ) as error:
        return _fail(_describe(error), _USAGE)
    except OSError as error:
        return _fail(_describe(error), _MACHINE)
    except MemoryError:
        return _fail("there is no memory left", _MACHINE)
    finally:
        signal.signal(signal.SIGTERM, handler)


class _Stopped(BaseException):
    """SIGTERM came."""


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


def _fail(message: str, code: int) -> int:
    # Names of files may have any bytes.
    safe = message.encode(errors="backslashreplace").decode()
    print(f"error: {safe}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    name = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return f"{name}{error.strerror or error}"


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="melmill convert", add_help=False, allow_abbrev=False)
    parser.add_argument("format", metavar="FORMAT", choices=_FORMATS)
    parser.add_argument("paths", metavar="IN... OUT.jsonl", nargs="+")
    for flag in (
        *("--language", "--audio-root", "--audio-field", "--text-field"),
        *("--language-field", "--max-rejects"),
    ):
        parser.add_argument(flag, default="")
    parser.add_argument("--no-text", action="store_true")
    parser.add_argument("--plain-text", action="store_true")
    options = parser.parse_intermixed_args(words)
    if len(options.paths) < 2:
        parser.error("give IN and OUT.jsonl")
    if options.language and not language_name(options.language):
        raise InputError(
            f"--language {options.language}: give a name such as English, or "
            "a code such as en"
        )
    if options.plain_text and (options.language or options.language_field):
        raise InputError(
            "--plain-text leaves texts as they are: give no --language and no "
            "--language-field with it"
        )
    if options.audio_root and not os.path.isdir(options.audio_root):
        raise InputError(f"--audio-root {options.audio_root}: no such folder")
    _max_rejects(options.max_rejects, 0)
    return options


def _max_rejects(text: str, num_lines: int) -> float:
    """How many rejected lines are accepted."""
    if not text:
        return max(1.0, num_lines / 100)
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100 * num_lines
        return int(text)
    except ValueError as error:
        raise InputError(
            f"--max-rejects {text}: give a number, or a share such as 5%"
        ) from error


def _convert(options: argparse.Namespace) -> int:
    *inputs, out = options.paths
    files = list(
        itertools.chain(*(_files(options.format, path) for path in inputs))
    )
    check_output(out, files)
    for path in files:
        _check_format(options.format, path, out)
    settings = Settings(
        language=options.language,
        language_field=options.language_field,
        audio_field=options.audio_field,
        text_field=options.text_field,
        audio_root=options.audio_root,
        no_text=options.no_text,
        plain_text=options.plain_text,
    )
    with Output(out, settings) as output:
        if options.format == "audio":
            _convert_audio(files, output, settings)
        elif options.format in ("parquet", "arrow"):
            parquet.check_archive(out)
            with parquet.AudioArchive(out) as archive:
                for path in files:
                    for line in parquet.convert(path, settings, archive):
                        output.write(line)
                if output.num_rows:
                    archive.commit()
        else:
            for path in files:
                for line in _READERS[options.format](path, settings):
                    output.write(line)
        output.close()
    return _report(output, options)


def _files(kind: str, path: str) -> list[str]:
    """The files that an input stands for."""
    if not os.path.isdir(path) or kind not in ("tar", "parquet", "arrow"):
        os.stat(path)  # or it is not there
        return [path]
    names = sorted(
        name for name in os.listdir(path) if name.endswith(f".{kind}")
    )
    if kind == "tar" and any(
        name.startswith("cuts.") for name in os.listdir(path)
    ):
        # The other archives of Shar hold features and the like.
        names = [name for name in names if name.startswith("recording.")]
    if not names:
        raise InputError(f"{path} is a folder without files named *.{kind}")
    return [os.path.join(path, name) for name in names]


def _check_format(kind: str, path: str, out: str) -> None:
    """Checks that an input does not look like another format."""
    found = recognize(path)
    if found is None or found.format == kind:
        return
    if kind == "audio" and not found.format:
        return  # a manifest whose audio has another name
    raise InputError(f"{path} is not {kind}: it is {_advice(found, path, out)}")


def _advice(found: Kind, path: str, out: str) -> str:
    name, file = found.name, shlex.quote(path)
    if found.format == "audio":
        return f"{name} already: melmill extract {file} --out features/"
    if found.format:
        target = shlex.quote(out)
        return f"{name}: melmill convert {found.format} {file} {target}"
    return f"{name} {file}"


def _convert_audio(
    files: Sequence[str], output: Output, settings: Settings
) -> None:
    program = find_program() or shutil.which("melmill") or ""
    num = audio.convert(files, output, settings, str(program))
    print(f"converted the audio of {_count(num, 'row')}", file=sys.stderr)


def _report(output: Output, options: argparse.Namespace) -> int:
    """Says what was written and what to do next. The exit code."""
    for reason, lines in sorted(
        output.reasons.items(), key=lambda item: -item[1].num_lines
    ):
        print(f"rejected {lines.num_lines:,}: {reason}", file=sys.stderr)
        for example in lines.examples:
            safe = example.encode(errors="backslashreplace").decode()
            print(f"  {safe}", file=sys.stderr)
    if output.num_plain and options.format != "audio":
        print(
            f"without a language: {_count(output.num_plain, 'text')}. For "
            "Qwen3-ASR convert again with --language NAME",
            file=sys.stderr,
        )
    if output.num_urls:
        print(
            f"audio at URLs: {_count(output.num_urls, 'row')}. melmill stage "
            "copies it first",
            file=sys.stderr,
        )
    rejects = _count(output.num_rejects, "reject")
    if output.num_rejects:
        rejects += f" ({output.rejects_path})"
    if not output.num_rows:
        if not output.num_rejects:
            raise InputError("the input holds no lines")
        print(f"{output.path}: not written, 0 rows, {rejects}")
        return _REJECTS
    print(
        f"{output.path}: {_count(output.num_rows, 'row')}, {rejects}; next: "
        f"{_next_command(output, options)}"
    )
    num_lines = output.num_rows + output.num_rejects
    limit = _max_rejects(options.max_rejects, num_lines)
    return _REJECTS if output.num_rejects > limit else _OK


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _next_command(output: Output, options: argparse.Namespace) -> str:
    manifest = output.path
    before = ""
    if output.num_urls:
        stem = manifest.removesuffix(".jsonl")
        manifest = f"{stem}_staged.jsonl"
        to = ["--to", f"{stem}_copies", manifest]
        before = shlex.join(["melmill", "stage", output.path, *to]) + " && "
    words = ["melmill", "extract", manifest, "--out", "features/"]
    if output.has_segments:
        words.append("--segments")
    if options.no_text:
        words.append("--no-text")
    if options.format == "audio":
        for name in ("audio_root", "audio_field", "text_field", "language"):
            if value := getattr(options, name):
                words += [f"--{name.replace('_', '-')}", value]
    return before + shlex.join(words)


if __name__ == "__main__":
    sys.exit(main())
