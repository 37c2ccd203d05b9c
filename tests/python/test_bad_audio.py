"""Audio files that the program must reject, and odd ones it must take."""

import json
import os
import re
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import markdown
import numpy as np
import pytest
import soundfile
from support import (
    ANY_REJECTS,
    Store,
    extract,
    manifest_row,
    measure_melmill,
    noise,
    run_melmill,
    snapshot,
    unprivileged,
    write_manifest,
    write_wav,
)

PCM = 1
IMA_ADPCM = 0x11
PCM_BYTES = np.round(noise(8000) * 32767).astype("<i2").tobytes()


def wav(
    data: bytes = PCM_BYTES,
    *,
    rate: int = 16000,
    channels: int = 1,
    bits: int = 16,
    tag: int = PCM,
    data_size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    """The bytes of a WAV file; sizes are true unless given."""
    group_bytes = channels * bits // 8
    fields = struct.pack(
        "<HHIIHH",
        tag,
        channels,
        rate,
        rate * group_bytes & 0xFFFFFFFF,
        group_bytes,
        bits,
    )
    return b"".join(
        [
            b"RIFF",
            struct.pack(
                "<I", 36 + len(data) if riff_size is None else riff_size
            ),
            b"WAVEfmt ",
            struct.pack("<I", len(fields)),
            fields,
            b"data",
            struct.pack("<I", len(data) if data_size is None else data_size),
            data,
        ]
    )


def float_wav(bad_value: float) -> bytes:
    """4,000 float samples, number 3,000 of which is `bad_value`."""
    samples = noise(4000).astype("<f4")
    samples[3000] = bad_value
    return wav(samples.tobytes(), tag=3, bits=32)


def containing(content: bytes) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(content)


def make_nothing(path: Path) -> None:
    assert not path.exists()


def make_cut_flac(path: Path) -> None:
    soundfile.write(path, noise(8000), 16000, format="FLAC")
    path.write_bytes(path.read_bytes()[:-100])


def make_cut_mp3(path: Path) -> None:
    soundfile.write(path, noise(8000), 16000, format="MP3")
    path.write_bytes(path.read_bytes()[:-100])


def make_cut_ogg(path: Path) -> None:
    soundfile.write(path, noise(48_000), 16000, format="OGG")
    path.write_bytes(path.read_bytes()[:-100])


def make_damaged_opus(path: Path) -> None:
    soundfile.write(path, noise(48_000), 16000, format="OGG", subtype="OPUS")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def make_adpcm(path: Path) -> None:
    write_wav(path, noise(8000), subtype="MS_ADPCM")


def make_gsm(path: Path) -> None:
    write_wav(path, noise(8000), subtype="GSM610")


def make_socket(path: Path) -> None:
    # The address of a socket is short, so it is made where it is to be.
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def sparse(content: bytes, num_bytes: int = 10 << 30) -> Callable[[Path], None]:
    """Makes a file that goes on with zeros which take no room on the disk."""

    def make(path: Path) -> None:
        path.write_bytes(content)
        os.truncate(path, num_bytes)

    return make


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk without pad byte; its size is true unless given."""
    claimed = len(content) if size is None else size
    return name + struct.pack("<I", claimed) + content


def with_chunks(chunks: bytes, content: bytes = wav()) -> bytes:
    """A WAV file with more chunks between its fmt and its data."""
    return content[:36] + chunks + content[36:]


def with_riff_size(content: bytes) -> bytes:
    """The same with the RIFF size that it ought to have."""
    return content[:4] + struct.pack("<I", len(content) - 8) + content[8:]


def junk(num_bytes: int) -> bytes:
    """Bytes that are neither chunks nor padding."""
    random = np.random.default_rng(num_bytes)
    return random.integers(0x80, 0xF0, num_bytes, np.uint8).tobytes()


def confused_wav(data_less: int, riff_less: int) -> bytes:
    """By a writer that takes the file's size for that of the data."""
    size = len(wav())
    return wav(data_size=size - data_less, riff_size=size - riff_less)


def rifx(data_size: int) -> bytes:
    """A big-endian file."""
    swapped = np.frombuffer(PCM_BYTES, "<i2").astype(">i2").tobytes()
    fields = struct.pack(">IHHIIHH", 16, PCM, 1, 16000, 32000, 2, 16)
    head = b"RIFX" + struct.pack(">I", 0xFFFFFFFF) + b"WAVEfmt " + fields
    return head + b"data" + struct.pack(">I", data_size) + swapped


def rf64(ds64_data_size: int) -> bytes:
    ds64 = struct.pack("<QQQI", 0, ds64_data_size, 0, 0)
    content = wav(data_size=0xFFFFFFFF)
    head = b"RF64\xff\xff\xff\xffWAVE"
    return head + chunk(b"ds64", ds64) + content[12:]


# How the file is made, stage, code, and a pattern of the message.
Case = tuple[Callable[[Path], object], str, str, str]
BAD_FILES: dict[str, Case] = {
    "missing": (make_nothing, "open", "not_found", "No such file"),
    "under_a_file": (
        lambda path: path.symlink_to("good0.wav/a.wav"),
        "open",
        "not_found",
        "Not a directory",
    ),
    "folder": (Path.mkdir, "open", "is_directory", "is a directory"),
    "fifo": (os.mkfifo, "open", "not_regular_file", "is a FIFO"),
    "dev_zero": (
        lambda path: path.symlink_to("/dev/zero"),
        "open",
        "not_regular_file",
        "is a character device",
    ),
    "socket": (make_socket, "open", "not_regular_file", "is a socket"),
    "symlink_loop": (
        lambda path: path.symlink_to(path.name),
        "open",
        "symlink_loop",
        "Too many levels of symbolic links",
    ),
    "empty": (containing(b""), "header", "empty_file", "is empty"),
    "zero_size_proc_file": (
        lambda path: path.symlink_to("/proc/self/mem"),
        "header",
        "empty_file",
        "is empty",
    ),
    "four_bytes": (containing(b"RIFF"), "header", "truncated", "ends inside"),
    "half_a_header": (
        containing(wav()[:30]),
        "header",
        "truncated",
        "'fmt ' chunk claims 16 bytes, 10 are there",
    ),
    "header_only": (
        containing(wav()[:44]),
        "header",
        "truncated",
        "claims 16000 bytes, 0 are there",
    ),
    "truncated": (
        containing(wav()[:1000]),
        "header",
        "truncated",
        "claims 16000 bytes, 956 are there",
    ),
    "one_byte_short": (
        containing(wav()[:-1]),
        "header",
        "truncated",
        "claims 16000 bytes, 15999 are there",
    ),
    "no_samples": (containing(wav(b"")), "header", "no_samples", "empty data"),
    "no_data_chunk": (
        containing(wav()[:36]),
        "header",
        "no_samples",
        "no data chunk",
    ),
    "flac": (make_cut_flac, "decode", "decode_failed", "of 8000 samples"),
    "mp3": (make_cut_mp3, "header", "truncated", "before the 8000 samples"),
    "id3_alone": (
        containing(b"ID3\x03" + bytes(100)),
        "header",
        "bad_header",
        "follows its ID3 tag",
    ),
    "ogg": (make_cut_ogg, "header", "truncated", "not the end of its stream"),
    "opus": (make_damaged_opus, "decode", "bad_page", r"page at byte \d+ is"),
    "ogg_flac": (
        containing(b"OggS\0\2" + bytes(20) + b"\1\x33\x7fFLAC" + bytes(46)),
        "header",
        "bad_header",
        "first Ogg page is damaged",
    ),
    "m4a": (
        containing(b"\0\0\0\x20ftypM4A " + bytes(100)),
        "header",
        "not_wav",
        r"is MP4/M4A.*ffmpeg -i in\.m4a out\.flac",
    ),
    "text": (
        containing(b"the transcript, by mistake\n"),
        "header",
        "not_wav",
        "is text",
    ),
    "zeros": (containing(bytes(9000)), "header", "not_wav", "zeros"),
    "ms_adpcm": (
        make_adpcm,
        "header",
        "unsupported_format",
        "Microsoft ADPCM.*ffmpeg",
    ),
    "gsm": (make_gsm, "header", "unsupported_format", r"GSM 6\.10"),
    "ima_adpcm": (
        containing(wav(bytes(1024), tag=IMA_ADPCM, bits=4)),
        "header",
        "unsupported_format",
        "IMA ADPCM",
    ),
    "unknown_codec": (
        containing(wav(tag=0x7777)),
        "header",
        "unsupported_format",
        "0x7777",
    ),
    "12_bits": (
        containing(wav(bits=12)),
        "header",
        "unsupported_format",
        "PCM samples of 12 bits",
    ),
    "rate_zero": (
        containing(wav(rate=0)),
        "header",
        "bad_sample_rate",
        "rate of 0 Hz",
    ),
    "rate_absurd": (
        containing(wav(rate=0x7FFFFFFF)),
        "header",
        "bad_sample_rate",
        "2147483647 Hz",
    ),
    "rate_beyond_int": (
        containing(wav(rate=0xFFFFFFFF)),
        "header",
        "bad_sample_rate",
        "4294967295 Hz",
    ),
    "no_channels": (
        containing(wav(channels=0)),
        "header",
        "bad_channels",
        "0 channels",
    ),
    "65_channels": (
        containing(wav(bytes(65 * 2 * 400), channels=65)),
        "header",
        "bad_channels",
        "65 channels",
    ),
    "size_lies": (
        containing(wav(data_size=2000)),
        "header",
        "lying_size",
        "claims 2000 bytes, but 14000 more",
    ),
    "junk_that_the_riff_size_counts": (
        containing(with_riff_size(wav() + junk(100))),
        "header",
        "lying_size",
        "claims 16000 bytes, but 100 more",
    ),
    "more_than_64_kib_of_junk": (
        containing(wav() + junk(65537)),
        "header",
        "lying_size",
        "claims 16000 bytes, but 65537 more",
    ),
    "two_files": (
        containing(wav() + wav(bytes(500))),
        "header",
        "several_files",
        "holds 2 WAV files back to back",
    ),
    "three_files_with_chunks": (
        containing(3 * (wav() + chunk(b"LIST", b"INFO"))),
        "header",
        "several_files",
        "holds 3 WAV files back to back",
    ),
    "stream_of_files": (
        containing(wav(wav(), data_size=0xFFFFFFFF)),
        "header",
        "several_files",
        "a whole WAV file where its samples should begin",
    ),
    "no_placeholder": (
        containing(wav(data_size=1_234_567_890)),
        "header",
        "truncated",
        "claims 1234567890 bytes, 16000 are there",
    ),
    "file_size_as_data_size_cut": (
        containing(confused_wav(0, 8)[:-2]),
        "header",
        "truncated",
        "claims 16044 bytes, 15998 are there",
    ),
    "nan": (
        containing(float_wav(np.nan)),
        "decode",
        "not_finite",
        "sample 3000 is NaN or infinite",
    ),
    "inf": (
        containing(float_wav(np.inf)),
        "decode",
        "not_finite",
        "sample 3000 is NaN or infinite",
    ),
    "minus_inf": (
        containing(float_wav(-np.inf)),
        "decode",
        "not_finite",
        "sample 3000 is NaN or infinite",
    ),
    "longer_than_max_duration": (
        containing(wav(bytes(2 * (4 * 16000 + 1)))),
        "header",
        "too_long",
        "lasts 4.0 s; --max-duration is 4 s",
    ),
    "sparse_10_gib": (
        sparse(wav(b"", data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF)),
        "header",
        "too_long",
        "--max-duration is 4 s",
    ),
    "sparse_size_zero": (
        sparse(wav(b"", data_size=0)),
        "header",
        "too_long",
        "--max-duration is 4 s",
    ),
    "sparse_without_header": (
        sparse(b""),
        "header",
        "not_wav",
        "zeros",
    ),
    "sparse_junk_to_the_end": (
        sparse(
            with_chunks(chunk(b"JUNK", b"", 0xFFFFFFFF))[:44], (4 << 30) + 43
        ),
        "header",
        "no_samples",
        "no data chunk",
    ),
    "200000_chunks": (
        containing(with_chunks(200_000 * chunk(b"JUNK", b""))),
        "header",
        "bad_header",
        "more than 1000 chunks",
    ),
    "chunk_size_wraps": (
        containing(with_chunks(chunk(b"LIST", b"INFO", 0xFFFFFFF8))),
        "header",
        "truncated",
        "'LIST' chunk claims 4294967288 bytes",
    ),
    "ds64_size_wraps": (
        containing(rf64((1 << 64) - 80)),
        "header",
        "truncated",
        "claims 18446744073709551536 bytes, 16000 are there",
    ),
    "odd_chunk_without_padding": (
        containing(with_chunks(chunk(b"LIST", b"INFOodd"))),
        "header",
        "bad_header",
        "no chunk at byte 52",
    ),
    "data_before_fmt": (
        containing(wav()[:12] + wav()[36:] + wav()[12:36]),
        "header",
        "bad_header",
        "no fmt chunk before its data",
    ),
    "65535_channels": (
        containing(wav(bytes(1 << 18), channels=65535, bits=8)),
        "header",
        "bad_channels",
        "65535 channels",
    ),
    "rate_2_to_the_31": (
        containing(wav(rate=1 << 31)),
        "header",
        "bad_sample_rate",
        "2147483648 Hz",
    ),
    "200_samples": (
        containing(wav(bytes(2 * 200))),
        "header",
        "too_short",
        "200 samples.*at least 201",
    ),
}
# Found by reading samples, which validate does not.
ONLY_DECODING_TELLS = ["nan", "inf", "minus_inf", "flac", "mp3", "opus"]


def write_good_and_bad(folder: Path, bad_names: Sequence[str]) -> None:
    """Writes train.jsonl: good0.wav, the bad ones, good1.wav."""
    write_wav(folder / "good0.wav", noise(8000, seed=1))
    write_wav(folder / "good1.wav", noise(8000, seed=2))
    names = ["good0.wav", *bad_names, "good1.wav"]
    rows = [manifest_row(name) for name in names]
    write_manifest(folder / "train.jsonl", rows)


def assert_rejected_alone(
    folder: Path,
    stage: str,
    code: str,
    reason: str,
    under: Sequence[str] = (),
) -> None:
    """Line 2 must be rejected so; lines 1 and 3 must be stored."""
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--max-duration",
        "4",
        "--out",
        "store",
        cwd=folder,
        timeout_s=60,
        under=under,
    )
    assert run.exit_code == 0
    store = Store(folder / "store")
    assert [row.line for row in store.rows()] == [1, 3]
    [reject] = store.rejects()
    message = reject["message"]
    assert re.search(reason, message)
    assert "\n" not in message
    assert reject == {
        "split": "train",
        "line": 2,
        "audio": "bad.wav",
        "stage": stage,
        "code": code,
        "message": message,
    }
    summary = [text.strip() for text in run.text.splitlines()]
    tried = f"tried {folder / 'bad.wav'}"
    shown = tried if code == "not_found" else message
    assert f"train line 2: bad.wav: {shown}" in summary
    assert any(re.match(rf"1 {code}( \(|$)", text) for text in summary)
    verified = run_melmill("verify", folder / "store")
    assert verified.exit_code == 0, verified.stdout


@pytest.mark.parametrize(
    ("make", "stage", "code", "reason"), BAD_FILES.values(), ids=BAD_FILES
)
def test_bad_file_is_named_and_the_files_beside_it_are_stored(
    tmp_path: Path,
    make: Callable[[Path], object],
    stage: str,
    code: str,
    reason: str,
) -> None:
    write_good_and_bad(tmp_path, ["bad.wav"])
    make(tmp_path / "bad.wav")
    assert_rejected_alone(tmp_path, stage, code, reason)


def test_file_without_permission_is_named(tmp_path: Path) -> None:
    write_good_and_bad(tmp_path, ["bad.wav"])
    (tmp_path / "bad.wav").write_bytes(wav())
    (tmp_path / "bad.wav").chmod(0)
    assert_rejected_alone(
        tmp_path,
        "open",
        "no_permission",
        "Permission denied",
        unprivileged(),
    )


def test_validate_finds_what_headers_tell_and_writes_nothing(
    tmp_path: Path,
) -> None:
    write_good_and_bad(tmp_path, list(BAD_FILES))
    for name, (make, _, _, _) in BAD_FILES.items():
        make(tmp_path / name)
    before = snapshot(tmp_path)
    run = run_melmill(
        "validate", "train.jsonl", "--json", "--max-duration", "4", cwd=tmp_path
    )
    assert run.exit_code == 3
    codes = [
        code
        for name, (_, _, code, _) in BAD_FILES.items()
        if name not in ONLY_DECODING_TELLS
    ]
    report = json.loads(run.stdout)
    assert report["rejects"] == {code: codes.count(code) for code in codes}
    assert report["rejected"] == len(codes)
    assert report["lines"] == len(BAD_FILES) + 2
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("data_size", "riff_size"),
    [
        (0, 0),
        (0, 36),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF - 36, 0xFFFFFFFF),
        (0x7FFFFFFF, 0x7FFFFFFF + 36),
        (0x80000000, 0x80000024),
        (len(PCM_BYTES), 0),
        (len(PCM_BYTES), 0xFFFFFFFF),
    ],
)
def test_file_with_streaming_sizes_is_stored_whole(
    tmp_path: Path, data_size: int, riff_size: int
) -> None:
    (tmp_path / "true.wav").write_bytes(wav())
    (tmp_path / "streamed.wav").write_bytes(
        wav(data_size=data_size, riff_size=riff_size)
    )
    rows = [manifest_row(name) for name in ("true.wav", "streamed.wav")]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    true, streamed = extract(tmp_path / "store", manifest, cwd=tmp_path).rows()
    assert streamed.num_samples == true.num_samples == 8000
    np.testing.assert_array_equal(streamed.features, true.features)
    np.testing.assert_array_equal(streamed.tail_samples, true.tail_samples)


LIST = chunk(b"LIST", b"INFO" + chunk(b"ISFT", b"melm"))

# What other programs write, and the warning that it is accepted with.
ODD_FILES: dict[str, tuple[bytes, str | None]] = {
    "list_behind": (wav() + LIST, None),
    "lists_behind": (with_riff_size(wav() + 3 * LIST), None),
    "wrong_riff_size": (wav(riff_size=36 + 16000 + 8), None),
    "two_thousand_million": (
        wav(data_size=2_000_000_000, riff_size=2_000_000_036),
        "no_data_size",
    ),
    "thousand_million": (wav(data_size=1_000_000_000), "no_data_size"),
    "into_a_pipe": (
        wav(data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF),
        "no_data_size",
    ),
    "less_header": (wav(data_size=0xFFFFFFFF - 126), "no_data_size"),
    "sox": (wav(data_size=0x7FFFF000, riff_size=0x7FFFF024), "no_data_size"),
    "arecord": (wav(data_size=1 << 31), "no_data_size"),
    "stopped": (wav(data_size=0, riff_size=8), "no_data_size"),
    "rifx": (rifx(2_000_000_000), "no_data_size"),
    **{
        f"confused_{data_less}_{riff_less}": (
            confused_wav(data_less, riff_less),
            "file_size_as_data_size",
        )
        for data_less in (0, 8)
        for riff_less in (0, 8)
    },
    "zero_behind": (wav() + b"\0", "bytes_behind_data"),
    "zeros_behind": (wav() + bytes(100_000), "bytes_behind_data"),
    "ones_behind": (wav() + 100_000 * b"\xff", "bytes_behind_data"),
    "zeros_then_list": (wav() + bytes(999) + LIST, "bytes_behind_data"),
    "junk_behind": (wav() + junk(65536), "bytes_behind_data"),
    "line_behind": (wav() + b"\r\n", "bytes_behind_data"),
    "list_then_junk": (
        with_riff_size(wav() + LIST) + junk(999),
        "bytes_behind_data",
    ),
    "debris": (
        with_riff_size(wav(junk(36) + PCM_BYTES[:-36])) + PCM_BYTES[-36:],
        "bytes_behind_data",
    ),
    "list_cut": (
        with_riff_size(wav() + chunk(b"LIST", bytes(9000)))[:-2000],
        "cut_behind_data",
    ),
}


def test_accepted_samples_are_those_of_the_reference(tmp_path: Path) -> None:
    rows = []
    for name, (content, _) in ODD_FILES.items():
        odd, same = tmp_path / f"{name}.wav", tmp_path / f"{name}_same.wav"
        odd.write_bytes(content)
        samples, _ = librosa.load(odd, sr=None)
        assert len(samples) == 8000
        write_wav(same, samples)
        np.testing.assert_array_equal(librosa.load(same, sr=None)[0], samples)
        rows += [manifest_row(path.name) for path in (odd, same)]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    stored = extract(tmp_path / "store", manifest, cwd=tmp_path).rows()
    for odd_row, row in zip(stored[::2], stored[1::2], strict=True):
        assert odd_row.num_samples == row.num_samples == 8000, odd_row.audio
        np.testing.assert_array_equal(odd_row.features, row.features)
        np.testing.assert_array_equal(odd_row.tail_samples, row.tail_samples)


@pytest.mark.parametrize("command", ["validate", "extract"])
def test_what_is_accepted_oddly_is_counted_and_the_first_are_named(
    tmp_path: Path, command: str
) -> None:
    names: dict[str, list[str]] = {}
    for name, (content, warning) in ODD_FILES.items():
        (tmp_path / name).write_bytes(content)
        if warning is not None:
            names.setdefault(warning, []).append(name)
    # A line that is rejected for another reason warns of nothing.
    (tmp_path / "short").write_bytes(wav(bytes(100)) + bytes(10))
    audios = [*ODD_FILES, "short"]
    write_manifest(tmp_path / "train.jsonl", map(manifest_row, audios))
    flags = ["--out", "store"] if command == "extract" else []
    for_people, for_programs = (
        run_melmill(command, "train.jsonl", *flags, *more, cwd=tmp_path)
        for more in ((), ("--json",))
    )
    assert for_people.exit_code == for_programs.exit_code == 0
    assert json.loads(for_programs.stdout)["warnings"] == {
        warning: len(files) for warning, files in names.items()
    }
    text = for_people.text.splitlines()
    for files in names.values():
        lines = [
            f"  train line {audios.index(name) + 1}: {name}" for name in files
        ]
        [place] = [n for n, line in enumerate(text) if line == lines[0]]
        noun = "file" if len(files) == 1 else "files"
        assert text[place - 1].startswith(f"warning: {len(files)} {noun} ")
        assert text[place : place + len(lines[:3])] == lines[:3]
        assert not set(lines[3:]) & set(text)


def test_warnings_are_told_again_where_nothing_is_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav() + bytes(10))
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    first, second = (
        run_melmill("extract", "train.jsonl", "--out", "store", cwd=tmp_path)
        for _ in range(2)
    )
    assert first.exit_code == second.exit_code == 0
    assert "nothing to do" in second.text
    for run in (first, second):
        assert "warning: 1 file with meaningless bytes" in run.text


def test_warnings_of_the_document_are_the_programs() -> None:
    section = markdown.sections("input.md")["What is accepted with a warning"]
    rows = markdown.table(section, "| Warning | What to know |")
    kinds = {warning for _, warning in ODD_FILES.values() if warning}
    # test_sound_files.py has files without a count of frames.
    kinds.add("no_frame_count")
    assert {row[0].strip("`") for row in rows} == kinds


@pytest.mark.parametrize(
    ("content", "num_samples"),
    [
        (wav(bytes(2 * 201)), 201),
        (wav(bytes(2 * 4 * 16000)), 4 * 16000),
        (wav(bytes(64 * 2 * 400), channels=64), 400),
        (wav(bytes(2 * 1000), rate=1000), 16000),
        (wav(bytes(2 * 76800), rate=768000), 1600),
    ],
    ids=["201_samples", "max_duration", "64_channels", "1_khz", "768_khz"],
)
def test_file_just_within_the_limits_is_stored(
    tmp_path: Path, content: bytes, num_samples: int
) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    manifest = write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    [row] = extract(
        tmp_path / "store", manifest, "--max-duration", "4", cwd=tmp_path
    ).rows()
    assert row.num_samples == num_samples


@pytest.mark.parametrize(
    "content",
    [
        wav() + wav(bytes(5000))[36:],
        with_chunks(chunk(b"LIST", b"INFOodd") + b"\0"),
        wav(PCM_BYTES + b"\x81"),
        wav(PCM_BYTES + b"\x81") + b"\0",
        wav(PCM_BYTES + b"\x81") + chunk(b"LIST", bytes(5000)),
        wav(PCM_BYTES + b"\x81") + b"\0" + chunk(b"LIST", bytes(5000)),
        rf64(len(PCM_BYTES)),
    ],
    ids=[
        "two_data_chunks",
        "odd_chunk",
        "odd_data",
        "odd_data_padded",
        "chunk_behind_odd_data",
        "chunk_behind_odd_data_padded",
        "rf64",
    ],
)
def test_odd_but_whole_file_is_stored_as_the_plain_one(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "plain.wav").write_bytes(wav())
    (tmp_path / "odd.wav").write_bytes(content)
    rows = [manifest_row(name) for name in ("plain.wav", "odd.wav")]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    plain, odd = extract(tmp_path / "store", manifest, cwd=tmp_path).rows()
    assert odd.num_samples == plain.num_samples == 8000
    np.testing.assert_array_equal(odd.features, plain.features)
    np.testing.assert_array_equal(odd.tail_samples, plain.tail_samples)


def test_sparse_files_of_10_gib_cost_neither_memory_nor_time(
    tmp_path: Path,
) -> None:
    write_wav(tmp_path / "good.wav", noise(8000))
    good = [manifest_row("good.wav")]
    sparse_names = [name for name in BAD_FILES if name.startswith("sparse_")]
    for name in sparse_names:
        BAD_FILES[name][0](tmp_path / name)
    write_manifest(tmp_path / "plain.jsonl", good)
    bad = [manifest_row(name) for name in sparse_names]
    write_manifest(tmp_path / "sparse.jsonl", good + 64 * bad)
    plain, large = (
        measure_melmill(
            "extract",
            f"{name}.jsonl",
            *ANY_REJECTS,
            "--out",
            name,
            cwd=tmp_path,
        )
        for name in ("plain", "sparse")
    )
    assert (plain.exit_code, large.exit_code) == (0, 0)
    assert len(Store(tmp_path / "sparse").rejects()) == 64 * len(bad)
    assert large.max_rss_mib < plain.max_rss_mib + 8
    assert large.seconds < plain.seconds + 5


def code_when_cut(content: bytes, size: int) -> str | None:
    """What docs/input.md says of the first `size` bytes; None if stored.

    The file's chunks are whole, and its data is the last but one of them.
    """
    if size < 12:
        return ["empty_file", "not_wav", "truncated"][(size > 0) + (size > 3)]
    begin = 12
    while True:
        if size == begin:
            return "no_samples"
        name, claimed = struct.unpack_from("<4sI", content, begin)
        end = begin + 8 + claimed
        if size < end:
            return "truncated"
        if name == b"data":
            return None
        if size == end:
            return "no_samples"
        begin = end + claimed % 2


def test_truncation_at_every_byte_is_as_the_table_says(tmp_path: Path) -> None:
    data = PCM_BYTES[: 2 * 1100]
    before = chunk(b"LIST", bytes(1001)) + b"\0" + chunk(b"fact", bytes(4))
    whole = with_riff_size(
        with_chunks(before, wav(data)) + chunk(b"id3 ", bytes(900))
    )
    assert len(whole) > 4096
    sizes = [*range(4097), len(whole)]
    for size in sizes:
        (tmp_path / f"{size}.wav").write_bytes(whole[:size])
    rows = [manifest_row(f"{size}.wav") for size in sizes]
    write_manifest(tmp_path / "train.jsonl", rows)
    run = run_melmill(
        "extract", "train.jsonl", *ANY_REJECTS, "--out", "store", cwd=tmp_path
    )
    assert run.exit_code == 0, run.stderr
    store = Store(tmp_path / "store")
    codes = {f"{size}.wav": code_when_cut(whole, size) for size in sizes}
    assert {row["audio"]: row["code"] for row in store.rejects()} == {
        name: code for name, code in codes.items() if code is not None
    }
    stored = store.rows()
    assert [row.audio for row in stored] == [
        name for name, code in codes.items() if code is None
    ]
    for row in stored:
        assert row.num_samples == 1100
        np.testing.assert_array_equal(row.features, stored[-1].features)


def test_file_with_a_name_that_is_not_ascii_is_stored(tmp_path: Path) -> None:
    name = "Grüße \U0001f600 'quoted\".wav"
    write_wav(tmp_path / name, noise(8000))
    manifest = write_manifest(tmp_path / "train.jsonl", [manifest_row(name)])
    [row] = extract(tmp_path / "store", manifest, cwd=tmp_path).rows()
    assert row.audio == name
