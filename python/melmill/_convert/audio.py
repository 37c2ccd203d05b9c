"""Sound files whose format melmill does not read, as FLAC, by ffmpeg.

melmill itself says which files these are: its rejects.jsonl, or `melmill
validate --list`.
"""

import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

from melmill._convert.json_lines import (
    open_input,
    parse_object,
    read_lines,
    read_objects,
)
from melmill._convert.output import Output
from melmill._convert.rows import InputError, Line, Reject, Settings, is_url

# What is wrong with a file of another format, and not with a row.
_CODES = (
    *("not_wav", "unsupported_format", "length_unknown", "chained"),
    "reference_cuts",
)
_LISTED = re.compile(
    rf"m line (\d+): .*: (?:{'|'.join(_CODES)}): ".encode(), re.S
)
_MAX_S = 3600  # for one file
_NO_FFMPEG = (
    "ffmpeg is not installed: sudo apt install ffmpeg (Debian, Ubuntu), conda "
    "install -c conda-forge ffmpeg, or brew install ffmpeg"
)
# Faults of the machine in what ffmpeg says.
_MACHINE = re.compile(
    r"No space left on device|Disk quota exceeded|Input/output error|"
    r"Cannot allocate memory|Too many open files|Read-only file system"
)

Wanted = Iterator[tuple[int, str | None]]


def convert(
    inputs: Sequence[str], output: Output, settings: Settings, program: str
) -> int:
    """Writes the lines of a manifest, with the files converted that need it.

    The new files are in the folder of the manifest's name with _audio. A file
    that is there already, from the same source, is not made again.

    Args:
      inputs: A manifest, and before it, if wanted, the rejects.jsonl of its
        store.
      output: Where to write.
      settings: The flags.
      program: The path of melmill; "" if it is not installed.

    Returns:
      The number of rows whose file was converted.

    Raises:
      InputError: The inputs cannot be used, or ffmpeg is not installed.
      OSError: The machine failed.
    """
    manifest, rejects = _sort_out(inputs)
    try:
        subprocess.run(
            ["ffmpeg", "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(_NO_FFMPEG) from error
    wanted = (
        _rejected(rejects, manifest)
        if rejects
        else _listed(manifest, settings, program)
    )
    folder = output.path.removesuffix(".jsonl") + "_audio"
    if settings.audio_root:  # other rows start from there
        folder = os.path.abspath(folder)
    with Encoders(folder) as encoders:
        return _Rewriter(manifest, output, settings, encoders).run(wanted)


def _sort_out(inputs: Sequence[str]) -> tuple[str, str]:
    """Which input is the manifest, and which the list of rejects, if any."""
    lists = [path for path in inputs if _is_list_of_rejects(path)]
    manifests = [path for path in inputs if path not in lists]
    if not manifests:
        raise InputError(
            f"{lists[0]} lists rejected lines; give their manifest too: "
            f"melmill convert audio {lists[0]} MANIFEST OUT.jsonl"
        )
    if len(manifests) > 1 or len(lists) > 1:
        raise InputError("give one manifest, and at most one rejects.jsonl")
    return manifests[0], lists[0] if lists else ""


def _is_list_of_rejects(path: str) -> bool:
    with open_input(path) as file:
        first = parse_object(file.readline(1 << 20))
    keys = {"split", "line", "stage", "code", "message"}
    return isinstance(first, dict) and keys <= first.keys()


# ---- Which lines ----


def _rejected(path: str, manifest: str) -> Wanted:
    """Numbers and audio of the lines that a store rejected for their format."""
    stem = os.path.splitext(os.path.basename(manifest))[0]
    last = 0
    splits = {item.get("split") for _, item in _parsed(path)}
    split = stem if stem in splits or len(splits) != 1 else splits.pop()
    for _, item in _parsed(path):
        number, audio = item.get("line"), item.get("audio")
        if item.get("split") != split or item.get("code") not in _CODES:
            continue
        if type(number) is not int or number <= last:
            raise InputError(f"{path} is damaged: its lines are not in order")
        last = number
        yield number, str(audio)
    if not last and split not in splits:
        raise InputError(
            f"{path} has no split {stem}; it has: "
            f"{', '.join(sorted(map(str, splits)))}"
        )


def _parsed(path: str) -> Iterator[tuple[int, dict[str, object]]]:
    for number, item in read_objects(path):
        if isinstance(item, Reject):
            raise InputError(f"{path} line {number}: {item}")
        yield number, item


def _listed(manifest: str, settings: Settings, program: str) -> Wanted:
    """Numbers of the lines that melmill would reject for their format."""
    if not program:
        raise InputError(
            "the program melmill is not on PATH; with it, or with the "
            "rejects.jsonl of a store before the manifest, it is known which "
            "files to convert"
        )
    with (
        tempfile.NamedTemporaryFile(suffix=".jsonl") as audio,
        tempfile.TemporaryFile() as listed,
    ):
        _write_audio_alone(manifest, audio, settings)
        flags = ["--list", "--no-text", "--max-rejects", "100%"]
        if settings.audio_root:
            flags += ["--audio-root", settings.audio_root]
        done = subprocess.run(
            [program, "validate", f"m={audio.name}", *flags],
            stdin=subprocess.DEVNULL,
            stdout=listed,
            stderr=subprocess.PIPE,
            check=False,
        )
        num_bytes = listed.tell()
        if done.returncode not in (0, 2, 3) or (
            done.returncode == 2 and num_bytes == 0
        ):
            said = done.stderr.decode(errors="replace").strip()
            raise InputError(f"melmill validate {manifest} failed:\n{said}")
        listed.seek(0)
        for line in listed:
            if found := _LISTED.match(line):
                yield int(found[1]), None


def _write_audio_alone(
    manifest: str, file: IO[bytes], settings: Settings
) -> None:
    """A manifest of the same lines with their audio and nothing else.

    So neither texts nor segments are of interest.
    """
    name = settings.audio_field or "audio"
    with open_input(manifest) as lines:
        for line in read_lines(lines):
            item = parse_object(_without_mark(line) if line else line)
            if isinstance(item, Reject):
                file.write(b"{}\n" if line is None or line.strip() else b"\n")
                continue
            fields = {"audio": item.get(name)}
            for part in ("audio_path", "audio_offset", "audio_bytes"):
                if part in item:
                    fields[part] = item[part]
            file.write(json.dumps(fields).encode() + b"\n")
    file.flush()


def _path_field(item: dict[str, Any], audio_field: str) -> str:
    """The field that has the path of the line's file."""
    has_path = isinstance(item.get("audio_path"), str)
    return (
        "audio_path" if has_path and is_url(item[audio_field]) else audio_field
    )


def _without_mark(line: bytes) -> bytes:
    return line.removeprefix(b"\xef\xbb\xbf")


# ---- The files ----


class Encoders:
    """Runs ffmpeg on all cores. Leaving it as a context ends them.

    Args:
      folder: Where the new files go.
    """

    def __init__(self, folder: str) -> None:
        self.num_workers = len(os.sched_getaffinity(0))
        self._folder = folder
        self._pool = concurrent.futures.ThreadPoolExecutor(self.num_workers)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False
        self._pending: dict[str, concurrent.futures.Future[str]] = {}
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                if name.startswith(".") and name.endswith(".tmp"):
                    os.unlink(os.path.join(folder, name))

    def __enter__(self) -> "Encoders":
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def submit(self, source: str) -> "concurrent.futures.Future[str]":
        """Begins to convert a file, if that is not done.

        Returns:
          The path of the new file, later. Raises Reject if the file cannot be
          converted, and OSError if the machine fails.
        """
        name = self._name(source)
        done = os.path.join(self._folder, name)
        if name not in self._pending:
            job = self._pool.submit(self._make, source, done)
            self._pending[name] = job
            job.add_done_callback(lambda _: self._pending.pop(name, None))
            return job
        return self._pending[name]

    def _name(self, source: str) -> str:
        """A name that is another one when the source is another file."""
        try:
            status = os.stat(source)
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = ""  # ffmpeg says why
        key = f"{os.path.abspath(source)} {state}"
        digest = hashlib.sha256(key.encode(errors="surrogateescape"))
        stem = os.path.splitext(os.path.basename(source))[0]
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", stem)[:80]
        return f"{stem}.{digest.hexdigest()[:16]}.flac"

    def _make(self, source: str, done: str) -> str:
        if os.path.exists(done):
            return done
        os.makedirs(self._folder, exist_ok=True)
        temporary = os.path.join(
            self._folder, f".{os.path.basename(done)}.{os.getpid()}.tmp"
        )
        try:
            self._encode(source, temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, done)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
        return done

    def _encode(self, source: str, target: str) -> None:
        """Writes the first audio stream of a file as FLAC of 16 bits.

        At its own rate, with its channels. 16 bits are what librosa gets from
        ffmpeg for such files.
        """
        command = [
            *("ffmpeg", "-nostdin", "-v", "error", "-threads", "1"),
            *("-protocol_whitelist", "file", "-i", f"file:{source}"),
            *("-map", "0:a:0", "-map_metadata", "-1", "-c:a", "flac"),
            *("-sample_fmt", "s16", "-fflags", "+bitexact"),
            *("-flags:a", "+bitexact", "-f", "flac", "-y", f"file:{target}"),
        ]
        with self._lock:
            if self._is_stopped:
                raise Reject("stopped")
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self._running.add(process)
        try:
            _, output = process.communicate(timeout=_MAX_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise Reject("ffmpeg did not end within an hour") from error
        finally:
            with self._lock:
                self._running.discard(process)
        said = output.decode(errors="replace").strip()
        if found := _MACHINE.search(said):
            raise OSError(f"ffmpeg cannot convert {source}: {found[0]}")
        if process.returncode != 0 or said:
            # Whatever it calls an error is sound that is lost.
            first = said.partition("\n")[0][:300] or "it gave no reason"
            first = re.sub(r"^\[(\S+) @ 0x[0-9a-f]+\]", r"\1:", first)
            raise Reject("ffmpeg cannot convert the file", first)


@dataclasses.dataclass(frozen=True)
class _Job:
    """A line whose file is converted."""

    number: int
    fields: dict[str, Any]
    file: concurrent.futures.Future[str]


class _Rewriter:
    """Writes the lines of a manifest in their order."""

    def __init__(
        self,
        manifest: str,
        output: Output,
        settings: Settings,
        encoders: Encoders,
    ) -> None:
        self._manifest = manifest
        self._output = output
        self._settings = settings
        self._encoders = encoders
        self._field = settings.audio_field or "audio"
        self._num_converted = 0
        # Lines in order: as they are, or the fields and the file to come.
        self._waiting: collections.deque[bytes | _Job] = collections.deque()

    def run(self, wanted: Wanted) -> int:
        """The number of rows whose file was converted."""
        next_number, audio = next(wanted, (0, None))
        number = 0
        with open_input(self._manifest) as file:
            for number, line in enumerate(read_lines(file), start=1):
                if number == next_number:
                    self._begin(number, line, audio)
                    next_number, audio = next(wanted, (0, None))
                elif line is None:
                    reject = Reject("the line is longer than 16 MiB")
                    self._output.write(Line(self._manifest, number, reject))
                elif line.strip():
                    text = _without_mark(line).rstrip(b"\r\n")
                    self._waiting.append(text)
                self._write_finished(self._encoders.num_workers * 4)
        if next_number:
            raise InputError(
                f"{self._manifest} has {number} lines, and line {next_number} "
                "was rejected: this is another manifest"
            )
        self._write_finished(0)
        return self._num_converted

    def _begin(
        self, number: int, line: bytes | None, audio: str | None
    ) -> None:
        item = parse_object(_without_mark(line) if line else line)
        path = None if isinstance(item, Reject) else item.get(self._field)
        if (
            isinstance(item, Reject)
            or not isinstance(path, str)
            or (audio is not None and audio != path)
        ):
            raise InputError(
                f"{self._manifest} line {number} is not the line that was "
                "rejected: this is another manifest, or it was changed"
            )
        job: concurrent.futures.Future[str]
        if "audio_offset" in item:
            job = concurrent.futures.Future()
            job.set_exception(
                Reject("a part of an archive: unpack it first", "", path)
            )
        else:
            path = item[_path_field(item, self._field)]
            root = self._settings.audio_root
            job = self._encoders.submit(os.path.join(root, path))
        self._waiting.append(_Job(number, item, job))

    def _write_finished(self, max_waiting: int) -> None:
        """Writes lines until no more than so many wait."""
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, bytes):
                self._output.write_row(first)
            elif first.file.done() or len(self._waiting) > max_waiting:
                self._write_converted(first)
            else:
                return
            self._waiting.popleft()

    def _write_converted(self, job: _Job) -> None:
        old = job.fields[self._field]
        try:
            field = _path_field(job.fields, self._field)
            job.fields[field] = job.file.result()
            line = json.dumps(job.fields, ensure_ascii=False).encode()
        except Reject as reject:
            reject.audio = old
            self._output.write(Line(self._manifest, job.number, reject))
        except UnicodeEncodeError:
            other = Reject("the line is not UTF-8", "", old)
            self._output.write(Line(self._manifest, job.number, other))
        else:
            self._num_converted += 1
            self._output.write_row(line)
