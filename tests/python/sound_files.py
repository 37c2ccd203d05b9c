"""Sound files of all formats that the program reads, by their usual encoders.

make_files draws them at random from a seed: Debian's flac, lame, oggenc,
opusenc and ffmpeg with many of their settings, and libsndfile's writers.
"""

import dataclasses
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float64]
Random = np.random.Generator
ENCODERS = ("flac", "lame", "oggenc", "opusenc", "ffmpeg")
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
RATES = (*MP3_RATES, 96000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000, 44100, 22050)


@dataclasses.dataclass(frozen=True)
class SoundFile:
    """A file, and what is known of it without reading it."""

    path: Path
    kind: str  # "flac", "mp3", "mp3_without_tag", "vorbis", "opus", "plain"
    command: str  # how it was made


def sounds(random: Random, num_samples: int, channels: int) -> Samples:
    """Gliding tones that come and go, over noise, within [-1, 1]."""
    time = np.arange(num_samples)[:, np.newaxis] / 16000
    shape = (1, channels)
    low = random.uniform(80, 1500, shape)
    glide = random.uniform(-200, 400, shape)
    rhythm = np.clip(np.sin(time * random.uniform(5, 30, shape)), 0, 1)
    tones = sum(
        np.sin(2 * np.pi * k * (low + glide * time) * time) / k
        for k in (1, 2, 3.01, 5.2)
    )
    noise = random.standard_normal((num_samples, channels))
    loud = random.uniform(0.02, 0.2)
    return np.clip(loud * rhythm * tones + loud / 8 * noise, -1, 0.999)


def _length(random: Random) -> int:
    return int(
        random.choice(
            [
                random.integers(1200, 4000),
                random.integers(4000, 40_000),
                random.integers(40_000, 250_000),
            ],
            p=[0.2, 0.6, 0.2],
        )
    )


def _wav(
    random: Random, path: Path, rates: tuple[int, ...], subtype: str = "PCM_16"
) -> Path:
    """A WAV for the encoders, which know no other format all of them."""
    channels = int(random.integers(1, 3))
    samples = sounds(random, _length(random), channels)
    wav = path.with_suffix(".in.wav")
    rate = int(random.choice(rates))
    soundfile.write(wav, samples, rate, subtype=subtype)
    return wav


def _run(*command: str | Path) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stderr[-500:]}"
    return " ".join(words[:-2])


def _flac(random: Random, path: Path) -> str:
    bits = int(random.choice([8, 16, 24]))
    subtype = {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24"}[bits]
    wav = _wav(random, path, RATES, subtype)
    options = [f"-{random.integers(0, 9)}"]
    if random.random() < 0.5:
        options += ["-b", str(random.choice([576, 1152, 2304, 4096, 4608]))]
        options += ["--lax"]
    if random.random() < 0.3:
        options += ["--no-padding", "--tag=TITLE=a title"]
    return _run("flac", "-s", "-f", *options, wav, "-o", path)


def _ffmpeg_flac(random: Random, path: Path) -> str:
    wav = _wav(random, path, RATES, str(random.choice(["PCM_16", "PCM_24"])))
    level = str(random.integers(0, 13))
    return _ffmpeg(wav, path, "flac", "-compression_level", level)


def _ffmpeg(wav: Path, path: Path, form: str, *options: str) -> str:
    return _run(
        *("ffmpeg", "-loglevel", "error", "-y", "-i"),
        wav,
        *options,
        *("-f", form),
        path,
    )


def _lame(random: Random, path: Path, *more: str) -> str:
    wav = _wav(random, path, MP3_RATES)
    kind = random.integers(0, 4)
    if kind == 0:
        options = ["-b", str(random.choice([32, 48, 64, 128, 160]))]
    elif kind == 1:
        options = ["-V", str(random.integers(0, 10))]
    elif kind == 2:
        options = ["--abr", str(random.integers(24, 150))]
    else:
        options = []
    if random.random() < 0.3:
        options += ["--tt", "a title", "--add-id3v2"]
    if random.random() < 0.15:
        options += ["-p"]
    options += ["-m", str(random.choice(["j", "s", "m"]))]
    return _run("lame", "--quiet", *options, *more, wav, path)


def _lame_without_tag(random: Random, path: Path) -> str:
    return _lame(random, path, "-t")


def _ffmpeg_mp3(random: Random, path: Path, *more: str) -> str:
    wav = _wav(random, path, MP3_RATES)
    options = (
        ("-b:a", f"{random.choice([32, 64, 96, 128])}k")
        if random.random() < 0.5
        else ("-q:a", str(random.integers(0, 10)))
    )
    return _ffmpeg(wav, path, "mp3", "-c:a", "libmp3lame", *options, *more)


def _ffmpeg_mp3_without_tag(random: Random, path: Path) -> str:
    return _ffmpeg_mp3(random, path, "-write_xing", "0")


def _oggenc(random: Random, path: Path) -> str:
    wav = _wav(random, path, RATES)
    quality = str(random.integers(-1, 11))
    return _run("oggenc", "-Q", "-q", quality, wav, "-o", path)


def _ffmpeg_vorbis(random: Random, path: Path) -> str:
    wav = _wav(random, path, MP3_RATES)
    quality = str(random.integers(0, 11))
    return _ffmpeg(wav, path, "ogg", "-c:a", "libvorbis", "-q:a", quality)


def _opusenc(random: Random, path: Path) -> str:
    wav = _wav(random, path, OPUS_RATES)
    options = ["--bitrate", str(random.integers(8, 160))]
    options += [
        "--framesize",
        str(random.choice(["2.5", "5", "10", "20", "60"])),
    ]
    options += [str(random.choice(["--vbr", "--cvbr", "--hard-cbr"]))]
    if random.random() < 0.3:
        options += ["--max-delay", str(random.integers(1, 1000))]
    return _run("opusenc", "--quiet", *options, wav, path)


def _ffmpeg_opus(random: Random, path: Path) -> str:
    wav = _wav(random, path, OPUS_RATES)
    rate = f"{random.integers(12, 128)}k"
    return _ffmpeg(wav, path, "opus", "-c:a", "libopus", "-b:a", rate)


def _plain(random: Random, path: Path) -> str:
    """Plain samples in another container than WAV."""
    form, subtypes = PLAIN[int(random.integers(0, len(PLAIN)))]
    subtype = str(random.choice(subtypes))
    channels = int(random.integers(1, 4))
    rate = int(random.choice(RATES))
    samples = sounds(random, _length(random), channels)
    endian = "FILE"
    if subtype in PCM[1:]:
        endian = str(random.choice(["LITTLE", "BIG"]))
    soundfile.write(
        path, samples, rate, format=form, subtype=subtype, endian=endian
    )
    return f"soundfile {form} {subtype} {endian}"


PCM = ("PCM_S8", "PCM_16", "PCM_24", "PCM_32")
PLAIN = (
    ("NIST", ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")),
    ("AIFF", (*PCM, "PCM_U8", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    ("AU", (*PCM, "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    ("CAF", (*PCM, "FLOAT", "DOUBLE", "ULAW", "ALAW")),
)

Maker = Callable[[Random, Path], str]
MAKERS: tuple[tuple[str, str, Maker], ...] = (
    ("flac", ".flac", _flac),
    ("flac", ".flac", _ffmpeg_flac),
    ("mp3", ".mp3", _lame),
    ("mp3", ".mp3", _ffmpeg_mp3),
    ("mp3_without_tag", ".mp3", _lame_without_tag),
    ("mp3_without_tag", ".mp3", _ffmpeg_mp3_without_tag),
    ("vorbis", ".ogg", _oggenc),
    ("vorbis", ".ogg", _ffmpeg_vorbis),
    ("opus", ".opus", _opusenc),
    ("opus", ".opus", _ffmpeg_opus),
    ("plain", ".sound", _plain),
)


def make_files(folder: Path, count: int, seed: int) -> Iterator[SoundFile]:
    """Makes `count` files, of all kinds in turn."""

    def make(number: int) -> SoundFile:
        kind, suffix, maker = MAKERS[number % len(MAKERS)]
        # Names tell nothing: the program goes by content.
        path = folder / f"{number:05}{suffix}"
        command = maker(np.random.default_rng((seed, number)), path)
        path.with_suffix(".in.wav").unlink(missing_ok=True)
        return SoundFile(path, kind, command)

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(make, range(count))
