"""Cuts of lhotse: .jsonl or .jsonl.gz."""

import os
import urllib.parse
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from melmill._convert.json_lines import read_objects
from melmill._convert.rows import (
    AudioFolders,
    Line,
    Reject,
    Row,
    Settings,
    is_url,
    make_line,
    wanted_text,
)

Json = dict[str, Any]

# A supervision may differ from its cut by the rounding of its times.
_MAX_DIFFERENCE_S = 0.01
_MAX_S = 1e9
_OGG_SUFFIXES = (".opus", ".ogg", ".oga")


def convert(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each cut.

    Paths start from the working directory, as in lhotse.

    Raises:
      InputError: The file is not whole.
      OSError: It cannot be read.
    """
    folders = AudioFolders([""], settings)
    for number, cut in read_objects(path):
        if isinstance(cut, Reject):
            yield Line(path, number, cut)
            continue
        yield make_line(path, number, _row, cut, folders, settings)


def _row(cut: Json, folders: AudioFolders, settings: Settings) -> Row:
    recording = recording_of(cut)
    sources = recording.get("sources")
    if not isinstance(sources, list) or len(sources) != 1:
        raise Reject("the recording has not exactly one source", cut_id(cut))
    kind = sources[0].get("type") if isinstance(sources[0], dict) else None
    if kind not in ("file", "url"):
        raise Reject("the source of the recording is not a file", f"{kind}")
    audio = folders.path(sources[0].get("source"))
    text, language = text_of(cut, settings)
    part = _segment(cut, audio)
    channel = cut.get("channel")
    if _channels(recording) is None and type(channel) is int:
        part["channel"] = channel  # melmill warns if there are several
    return Row(audio, text, language, cut_id(cut), part)


def cut_id(cut: Json) -> str:
    """The id of a cut; "" if it has none."""
    name = cut.get("id")
    return name if isinstance(name, str) else ""


def recording_of(cut: Json) -> Json:
    """The recording of a cut that is one channel, as it is in its file.

    Raises:
      Reject: The cut is mixed, padded, transformed, or one of several channels.
    """
    kind = cut.get("type", "MonoCut")
    if kind not in ("MonoCut", "Cut"):
        raise Reject("the cut is not a MonoCut", f"{kind}")
    recording = cut.get("recording")
    if not isinstance(recording, dict):
        raise Reject("the cut has no recording", cut_id(cut))
    channels = _channels(recording)
    if channels is not None and len(channels) > 1:
        raise Reject(
            "the cut is one channel of several, and melmill uses their mean",
            f"channel {cut.get('channel')} of {len(channels)}",
        )
    for transform in _transforms(recording):
        if transform != "Resample":
            raise Reject("the recording is transformed", transform)
    return recording


def _channels(recording: Json) -> list[object] | None:
    channels = recording.get("channel_ids")
    if channels is None:
        sources = recording.get("sources")
        first = sources[0] if isinstance(sources, list) and sources else {}
        channels = first.get("channels") if isinstance(first, dict) else None
    return channels if isinstance(channels, list) else None


def _transforms(recording: Json) -> Iterator[str]:
    for transform in recording.get("transforms") or []:
        is_dict = isinstance(transform, dict)
        yield str(transform.get("name")) if is_dict else str(transform)


def text_of(cut: Json, settings: Settings) -> tuple[str | None, str]:
    """Text and language of the one supervision that spans the cut.

    Raises:
      Reject: There is no such supervision.
    """
    supervisions = cut.get("supervisions") or []
    if not isinstance(supervisions, list) or not all(
        isinstance(item, dict) for item in supervisions
    ):
        raise Reject("the supervisions are not a list of objects")
    if not supervisions and settings.no_text:
        return None, ""
    if len(supervisions) != 1:
        raise Reject(
            "the cut has not exactly one supervision",
            f"{len(supervisions)} (lhotse cut trim-to-supervisions)",
        )
    [supervision] = supervisions
    begin = _number(supervision, "start")
    end = begin + _number(supervision, "duration")
    duration = _number(cut, "duration")
    if max(abs(begin), abs(end - duration)) > _MAX_DIFFERENCE_S:
        raise Reject(
            "the supervision does not span the cut",
            f"{begin:.3f} to {end:.3f} s of {duration:.3f} s "
            "(lhotse cut trim-to-supervisions)",
        )
    language = supervision.get("language")
    text = wanted_text(supervision.get("text"), settings)
    return text, language if isinstance(language, str) else ""


def _segment(cut: Json, audio: str) -> dict[str, int | float]:
    """The fields of the cut's part of its file; none if it is all of it.

    They count at the file's own rate, as lhotse loads them: a recording that is
    resampled has another.
    """
    recording = cut["recording"]
    start = _number(cut, "start")
    duration = _number(cut, "duration")
    if start < 0 or duration <= 0:
        raise Reject("the cut's times are impossible", f"{start}, {duration}")
    rate_hz = _rate(recording, "sampling_rate")
    num_samples = _num_samples(duration, rate_hz)
    if start == 0 and num_samples == recording.get("num_samples"):
        return {}
    if _may_be_opus(audio):  # lhotse's rate is not that of the decoder
        return {"offset": start, "duration": duration}
    for transform in recording.get("transforms") or []:
        rate_hz = _rate(transform.get("kwargs"), "source_sampling_rate")
        break
    return {
        "start_sample": _num_samples(start, rate_hz),
        "num_samples": _num_samples(duration, rate_hz),
    }


def _num_samples(seconds: float, rate_hz: int) -> int:
    """The rule of lhotse: half up, after rounding to 8 decimals."""
    samples = Decimal(round(seconds * rate_hz, 8))
    return int(samples.quantize(Decimal(0), rounding=ROUND_HALF_UP))


def _number(item: Json, name: str) -> float:
    value: Any = item.get(name)
    is_number = isinstance(value, int | float) and type(value) is not bool
    if not is_number or not abs(value) <= _MAX_S:  # nor is NaN
        raise Reject(f'"{name}" is not a time', str(value)[:40])
    return float(value)


def _rate(item: object, name: str) -> int:
    value = item.get(name) if isinstance(item, dict) else None
    if type(value) is not int or not 1000 <= value <= 768_000:
        raise Reject("the sampling rate is impossible", str(value)[:40])
    return value


def _may_be_opus(path: str) -> bool:
    if is_url(path):  # nobody has looked into the file
        suffix = os.path.splitext(urllib.parse.urlsplit(path).path)[1]
        return suffix.lower() in ("", *_OGG_SUFFIXES)
    if not path.endswith(_OGG_SUFFIXES):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(36)[28:] == b"OpusHead"
    except OSError:
        return path.endswith(".opus")
