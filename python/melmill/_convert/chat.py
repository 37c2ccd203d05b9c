"""Chat messages with audio, as ms-swift and LLaMA-Factory have them."""

import os
from collections.abc import Iterator
from typing import Any

from melmill._convert.json_lines import read_objects
from melmill._convert.rows import (
    AudioFolders,
    Line,
    Reject,
    Row,
    Settings,
    make_line,
    wanted_text,
)

Json = dict[str, Any]

# The list, and what its entries call the speaker, the model and the words.
_FORMS = (
    ("messages", "role", "assistant", "content"),
    ("conversations", "from", "gpt", "value"),
)


def convert(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each conversation of JSON lines or of a JSON array.

    The text is the last one of the assistant. Relative paths start from the
    working directory (ms-swift), or from the file's folder (LLaMA-Factory) if
    the audio is there.

    Raises:
      InputError: The file is not whole.
      OSError: It cannot be read.
    """
    folders = AudioFolders(["", os.path.dirname(path)], settings)
    for number, item in read_objects(path):
        if isinstance(item, Reject):
            yield Line(path, number, item)
            continue
        yield make_line(path, number, _row, item, folders, settings)


def _row(item: Json, folders: AudioFolders, settings: Settings) -> Row:
    audios = item.get("audios", item.get("audio"))
    if isinstance(audios, str):
        audios = [audios]
    if not isinstance(audios, list):
        raise Reject('there is no "audios"')
    if len(audios) != 1:
        raise Reject("the conversation has not one audio", str(len(audios)))
    audio = folders.path(audios[0])
    return Row(audio, wanted_text(_last_answer(item), settings))


def _last_answer(item: Json) -> object:
    """What the assistant says last, or None."""
    for name, speaker, model, words in _FORMS:
        messages = item.get(name)
        if messages is None:
            continue
        if not isinstance(messages, list):
            raise Reject(f'"{name}" is not a list')
        for message in reversed(messages):
            if isinstance(message, dict) and message.get(speaker) == model:
                return message.get(words)
        return None
    raise Reject('there is no "messages" or "conversations"')
