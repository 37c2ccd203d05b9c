"""A corpus that changes, and what a store of it must hold.

Standard library only: tools/soak runs where nothing else is installed. The
numbers of frames and the fate of each line are worked out here, not asked of
the program.
"""

import array
import dataclasses
import hashlib
import json
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path

FEATURE_RATE = 16000
SAMPLES_PER_FRAME = 160
BYTES_PER_FRAME = 128 * 2
FEATURES_OFFSET = 4096  # in a shard

WAVE_PCM = 1
WAVE_FLOAT = 3
DATA_OFFSET = 44
NAN = struct.pack("<f", math.nan)


@dataclasses.dataclass(frozen=True)
class Format:
    """How a WAV file holds its samples."""

    rate: int
    channels: int
    tag: int = WAVE_PCM
    sample_bytes: int = 2

    @property
    def group_bytes(self) -> int:
        return self.channels * self.sample_bytes


FLOAT = Format(16000, 1, WAVE_FLOAT, 4)
LONG = Format(48000, 2)
FORMATS = (
    *(Format(16000, 1),) * 4,
    Format(8000, 1),
    Format(16000, 2),
    Format(22050, 1, WAVE_PCM, 3),
    Format(44100, 2),
    Format(48000, 1),
    FLOAT,
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """One content of one file; equal clips are equal bytes."""

    name: str
    format: Format
    num_samples: int
    reject_code: str = ""  # "truncated" or "not_finite"

    @property
    def num_frames(self) -> int:
        resampled = math.ceil(
            self.num_samples * float(FEATURE_RATE) / self.format.rate
        )
        return resampled // SAMPLES_PER_FRAME

    def content(self) -> bytes:
        """The WAV file."""
        data = self._samples()
        header = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF",
            36 + len(data),
            b"WAVE",
            b"fmt ",
            16,
            self.format.tag,
            self.format.channels,
            self.format.rate,
            self.format.rate * self.format.group_bytes,
            self.format.group_bytes,
            8 * self.format.sample_bytes,
            b"data",
            len(data),
        )
        if self.reject_code == "truncated":
            data = data[: len(data) // 2]
        return header + data

    def _samples(self) -> bytes:
        source = random.Random(f"{self.name} {self.num_samples}")
        if self.format.tag == WAVE_PCM:
            return source.randbytes(self.num_samples * self.format.group_bytes)
        noise = source.randbytes(self.num_samples * self.format.channels)
        data = array.array("f", [byte / 128 - 1 for byte in noise]).tobytes()
        if self.reject_code == "not_finite":
            at = 4 * (len(noise) // 2)
            data = data[:at] + NAN + data[at + 4 :]
        return data


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a manifest."""

    clip: str  # a file's name; empty for a line that is no JSON
    text: str

    def __str__(self) -> str:
        if not self.clip:
            return f'{{"audio": "{self.text}'
        return json.dumps(
            {
                "audio": self.clip,
                "text": f"language English<asr_text>{self.text}",
            }
        )


@dataclasses.dataclass(frozen=True)
class Reject:
    split: str
    line: int
    code: str


class Corpus:
    """A folder of clips and manifests, and what they hold at the moment."""

    def __init__(self, folder: Path, draw: random.Random, num_clips: int):
        self.folder = folder
        self.manifests: dict[str, list[Line]] = {"train": [], "eval": []}
        self._clips: dict[str, Clip] = {}  # the files that are there
        self._missing: set[str] = set()  # those that are not, and may come
        self._lengths: dict[str, set[int]] = {}  # that a name ever had
        self._num_texts = 0
        self._make(draw, num_clips)

    # What a store must hold.

    def clip_of(self, line: Line) -> Clip | None:
        """The clip of a line that is to be stored."""
        clip = self._clips.get(line.clip)
        return clip if clip and not clip.reject_code else None

    def rejects(self) -> list[Reject]:
        return [
            Reject(split, number, code)
            for split, lines in self.manifests.items()
            for number, line in enumerate(lines, 1)
            if (code := self._reject_code(line))
        ]

    def accepted(self, split: str) -> bytes:
        """The lines of NAME.accepted.jsonl."""
        lines = [line for line in self.manifests[split] if self.clip_of(line)]
        return "".join(f"{line}\n" for line in lines).encode()

    def planned(self, split: str) -> Iterator[Clip]:
        """Whose frames the shards of a split hold, in order."""
        for line in self.manifests[split]:
            clip = self._clips.get(line.clip)
            if clip and clip.reject_code != "truncated":
                yield clip

    @property
    def num_lines(self) -> int:
        return sum(map(len, self.manifests.values()))

    def key(self) -> str:
        """Names the state of manifests and files."""
        state = repr((self.manifests, sorted(self._clips.items())))
        return hashlib.blake2b(state.encode(), digest_size=16).hexdigest()

    # What changes it.

    def change(self, draw: random.Random) -> str:
        """Changes something at random; says what."""
        kinds = {
            "add a line": self._add_line,
            "add a clip": self._add_clip,
            "remove a line": self._remove_line,
            "move a line": self._move_line,
            "change a text": self._change_text,
            "break a line": self._break_line,
            "replace audio": self._replace_audio,
            "cut audio short": self._cut_audio,
            "put a NaN into audio": self._spoil_audio,
            "take the NaN out of audio": self._heal_audio,
            "delete audio": self._delete_audio,
            "bring audio back": self._restore_audio,
        }
        kind = draw.choice(list(kinds))
        kinds[kind](draw)
        return kind

    def write_manifests(self) -> None:
        for split, lines in self.manifests.items():
            text = "".join(f"{line}\n" for line in lines)
            (self.folder / f"{split}.jsonl").write_text(text)

    def _make(self, draw: random.Random, num_clips: int) -> None:
        for number in range(num_clips):
            clip = self._new_clip(f"clip{number:03}.wav", draw)
            self._put(clip)
            self._insert(clip.name, draw)
        self._put(Clip("long.wav", LONG, draw.randrange(960_000, 1_200_000)))
        self._insert("long.wav", draw)
        for _ in range(2 * num_clips):
            self._add_line(draw)
        self._cut_audio(draw)
        self._spoil_audio(draw)
        self._delete_audio(draw)
        self._break_line(draw)
        self.write_manifests()

    def _reject_code(self, line: Line) -> str:
        if not line.clip:
            return "bad_json"
        clip = self._clips.get(line.clip)
        return clip.reject_code if clip else "not_found"

    def _new_clip(
        self, name: str, draw: random.Random, reject_code: str = ""
    ) -> Clip:
        """A content of a length that the file never had.

        So it is a change that a plan sees: sizes count, times do not.
        """
        layout = FLOAT if reject_code == "not_finite" else draw.choice(FORMATS)
        lengths = self._lengths.setdefault(name, set())
        length = 0
        while not length or length in lengths:
            length = int(draw.uniform(0.2, 1.4) * layout.rate)
        return Clip(name, layout, length, reject_code)

    def _put(self, clip: Clip) -> None:
        self._lengths.setdefault(clip.name, set()).add(clip.num_samples)
        self._clips[clip.name] = clip
        self._missing.discard(clip.name)
        (self.folder / clip.name).write_bytes(clip.content())

    def _text(self) -> str:
        self._num_texts += 1
        return f"text {self._num_texts}"

    def _insert(self, clip: str, draw: random.Random) -> None:
        split = draw.choice(["train", "train", "train", "eval"])
        lines = self.manifests[split]
        lines.insert(draw.randint(0, len(lines)), Line(clip, self._text()))

    def _pick_name(self, draw: random.Random) -> str:
        return draw.choice(sorted(self._clips))

    def _pick_line(self, draw: random.Random) -> tuple[list[Line], int]:
        lines = self.manifests[draw.choice(["train", "train", "train", "eval"])]
        return lines, draw.randrange(len(lines))

    def _add_line(self, draw: random.Random) -> None:
        self._insert(self._pick_name(draw), draw)

    def _add_clip(self, draw: random.Random) -> None:
        clip = self._new_clip(f"new{self._num_texts}.wav", draw)
        self._put(clip)
        self._insert(clip.name, draw)

    def _remove_line(self, draw: random.Random) -> None:
        lines, number = self._pick_line(draw)
        if len(lines) > 3:
            del lines[number]

    def _move_line(self, draw: random.Random) -> None:
        lines, number = self._pick_line(draw)
        line = lines.pop(number)
        lines.insert(draw.randint(0, len(lines)), line)

    def _change_text(self, draw: random.Random) -> None:
        lines, number = self._pick_line(draw)
        lines[number] = dataclasses.replace(lines[number], text=self._text())

    def _break_line(self, draw: random.Random) -> None:
        lines, number = self._pick_line(draw)
        if sum(1 for line in lines if not line.clip) < 3:
            lines[number] = Line("", self._text())

    def _replace_audio(self, draw: random.Random) -> None:
        self._put(self._new_clip(self._pick_name(draw), draw))

    def _cut_audio(self, draw: random.Random) -> None:
        self._put(self._new_clip(self._pick_name(draw), draw, "truncated"))

    def _spoil_audio(self, draw: random.Random) -> None:
        self._put(self._new_clip(self._pick_name(draw), draw, "not_finite"))

    def _heal_audio(self, draw: random.Random) -> None:
        """A change that no size tells: the rejected row does."""
        spoilt = sorted(
            name
            for name, clip in self._clips.items()
            if clip.reject_code == "not_finite"
        )
        if spoilt:
            clip = self._clips[draw.choice(spoilt)]
            self._put(dataclasses.replace(clip, reject_code=""))

    def _delete_audio(self, draw: random.Random) -> None:
        name = self._pick_name(draw)
        if len(self._missing) < 5:
            del self._clips[name]
            self._missing.add(name)
            (self.folder / name).unlink()

    def _restore_audio(self, draw: random.Random) -> None:
        if self._missing:
            name = draw.choice(sorted(self._missing))
            self._put(self._new_clip(name, draw))
