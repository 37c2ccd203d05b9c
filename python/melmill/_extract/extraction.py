"""One extraction: from a source to the opened store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from melmill._extract.display import open_display
from melmill._extract.program import find_program
from melmill._extract.program_run import End, run_program
from melmill._extract.rejects_error import TooManyRejectsError
from melmill._extract.source import SourceFolder
from melmill._process.extract_error import (
    NO_PROGRAM,
    OK,
    REJECTS,
    USAGE,
    ExtractError,
)
from melmill._store.store import PathLike, Store
from melmill._store.store import open as open_store

_OTHER_USES = frozenset(
    {"dry_run", "help", "json", "part", "quiet", "shards", "color"}
)
_NOT_FOUND = (
    "the program melmill was not found: install the wheel that has it, or put "
    "it on PATH (docs/install.md)"
)


def extract(
    source: Any, out: PathLike, preset: str, flags: Mapping[str, Any]
) -> Store:
    """What melmill.extract does."""
    arguments = _arguments({"preset": preset, **flags})
    program = find_program() or shutil.which("melmill")
    if program is None:
        raise ExtractError(NO_PROGRAM, _NOT_FOUND)
    store = os.fspath(out)
    audio_root = flags.get("audio_root")

    def allow_change() -> None:
        if not flags.get("update") and _has_plan(store):
            raise ExtractError(
                USAGE,
                f"the audio is not that which {store} was made from; nothing "
                "was changed\n  update=True applies the changes",
            )

    sources = SourceFolder(
        f"{os.path.abspath(store)}_source",
        str(flags.get("audio_field") or "audio"),
        allow_change,
    )
    manifests = sources.manifests(source)
    end = run_program(
        program,
        ["extract", *manifests, "--out", store, *arguments],
        open_display(),
    )
    if end.exit_code != OK:
        raise _error_of(end)
    print(end.stdout, end="")
    return open_store(store, audio_root=audio_root)


def _arguments(flags: Mapping[str, Any]) -> list[str]:
    """Flags of the program: keep=["a", "b"] is --keep a --keep b."""
    arguments = []
    for name, value in flags.items():
        if name in _OTHER_USES:
            raise TypeError(f"melmill.extract takes no {name}")
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            is_list = isinstance(value, Sequence) and not isinstance(value, str)
            for item in value if is_list else [value]:
                arguments += [flag, str(item)]
    return arguments


def _has_plan(store: str) -> bool:
    """Whether a run has begun to make the store."""
    names = ("plan.h5", "store.json")
    return any(os.path.exists(os.path.join(store, name)) for name in names)


def _error_of(end: End) -> ExtractError:
    if end.exit_code == REJECTS:
        return TooManyRejectsError.of(end.error, end.stdout)
    message = "\n".join(filter(None, [end.error, end.stdout.rstrip()]))
    return ExtractError(
        end.exit_code, message or f"melmill ended with code {end.exit_code}"
    )
