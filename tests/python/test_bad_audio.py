"""Audio files that the program must reject, and odd ones it must take."""

import json
import os
import re
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import (
    Store,
    extract,
    manifest_row,
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


def make_flac(path: Path) -> None:
    soundfile.write(path, noise(8000), 16000, format="FLAC")


def make_mp3(path: Path) -> None:
    soundfile.write(path, noise(8000), 16000, format="MP3")


def make_ogg(path: Path) -> None:
    soundfile.write(path, noise(8000), 16000, format="OGG")


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


def make_sparse(path: Path) -> None:
    path.write_bytes(wav(b"", data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF))
    os.truncate(path, 10 << 30)


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
    "flac": (make_flac, "header", "not_wav", r"is FLAC.*ffmpeg -i in\.flac"),
    "mp3": (make_mp3, "header", "not_wav", r"is MP3.*ffmpeg -i in\.mp3"),
    "mp3_with_tag": (
        containing(b"ID3\x03" + bytes(100)),
        "header",
        "not_wav",
        "is MP3",
    ),
    "ogg": (make_ogg, "header", "not_wav", "is Ogg Vorbis"),
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
        make_sparse,
        "header",
        "too_long",
        "--max-duration is 4 s",
    ),
    "200_samples": (
        containing(wav(bytes(2 * 200))),
        "header",
        "too_short",
        "200 samples.*at least 201",
    ),
}
# Found by reading samples, which validate does not.
ONLY_DECODING_TELLS = ["nan", "inf", "minus_inf"]


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
    assert run.exit_code == 3
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
    summary = [text.strip() for text in run.stderr.splitlines()]
    assert f"train line 2: bad.wav: {message}" in summary
    assert f"1 {code}" in summary
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


def test_file_with_a_name_that_is_not_ascii_is_stored(tmp_path: Path) -> None:
    name = "Grüße \U0001f600 'quoted\".wav"
    write_wav(tmp_path / name, noise(8000))
    manifest = write_manifest(tmp_path / "train.jsonl", [manifest_row(name)])
    [row] = extract(tmp_path / "store", manifest, cwd=tmp_path).rows()
    assert row.audio == name
