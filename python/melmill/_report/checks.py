"""What one would look at before training."""

from __future__ import annotations

from typing import Any

import numpy as np

_LONGEST_S = 30.0  # of Whisper and of models with its front end
_SILENT_DB = -60.0
_WIDEBAND_HZ = 16_000
_MOST_CLIPPED = 0.01  # of the rows
_UNKNOWN = "Not known: the store was made before melmill kept peaks."
_MEL_DIFFERENCE = 0.5  # in spreads of the first split


def checks(numbers: dict[str, Any]) -> list[dict[str, str]]:
    """Findings, each with `verdict` "good" or "look", a title and a text."""
    return [
        _rejects(numbers["rejects"]),
        _splits(numbers["hours"]["by_split"][0]["splits"]),
        _leaks(numbers["repeats"]),
        _repeats(numbers["repeats"]),
        _texts(numbers["texts"]),
        _outliers(numbers["measures"]),
        _share(
            numbers["long"],
            f"Rows over {_LONGEST_S:.0f} s",
            "Whisper and models with its front end take no more",
        ),
        _silence(numbers["silent"], numbers["clipping"]["num_zeros"]),
        _clipping(numbers["clipping"]),
        _share(
            numbers["narrow"],
            f"Audio below {_WIDEBAND_HZ // 1000} kHz",
            "the upper mels of these rows are empty; training on them and on "
            "others is fine if both occur in use",
        ),
        _mels(numbers["mels"]),
    ]


def counts(
    duration_s: Any, level_db: Any, source_rate: Any
) -> dict[str, dict[str, int]]:
    """Of how many rows the last checks are."""
    total = len(duration_s)
    return {
        name: {"num_rows": int(np.count_nonzero(chosen)), "of_rows": total}
        for name, chosen in {
            "long": duration_s > _LONGEST_S,
            "silent": level_db < _SILENT_DB,
            "narrow": source_rate < _WIDEBAND_HZ,
        }.items()
    }


def _finding(good: bool, title: str, text: str) -> dict[str, str]:
    verdict = "good" if good else "look"
    return {"verdict": verdict, "title": title, "text": text}


def _rejects(rejects: dict[str, Any]) -> dict[str, str]:
    rejected, lines = rejects["num_rejected"], rejects["num_lines"]
    text = f"{rejected:,} of {lines:,} lines are not in the store."
    return _finding(not rejected, "Rejected lines", text)


def _splits(splits: dict[str, Any]) -> dict[str, str]:
    empty = [name for name, split in splits.items() if not split["rows"]]
    if empty:
        text = f"These splits have no rows: {', '.join(empty)}."
    elif len(splits) < 2:
        text = "There is one split, so nothing is left to evaluate with."
    else:
        text = f"All {len(splits)} splits have rows."
    good = len(splits) > 1 and not empty
    return _finding(good, "Splits", text)


def _leaks(repeats: dict[str, Any]) -> dict[str, str]:
    found = [
        repeats[f"same {what}"]["between_splits"]["num_rows"]
        for what in ("audio", "samples", "transcript")
    ]
    text = (
        f"Rows whose audio is in several splits: {found[0]:,} by name, "
        f"{found[1]:,} by their samples; rows whose transcript is: "
        f"{found[2]:,}."
    )
    return _finding(not any(found[:2]), "Leaks between splits", text)


def _repeats(repeats: dict[str, Any]) -> dict[str, str]:
    rows = repeats["same samples"]["in_one_split"]["num_rows"]
    text = f"{rows:,} rows have the same samples as another of their split."
    return _finding(not rows, "Repeats in a split", text)


def _texts(texts: dict[str, Any]) -> dict[str, str]:
    without, rows = texts["num_without_transcript"], texts["num_rows"]
    text = f"{without:,} of {rows:,} rows have no transcript"
    unnamed = texts["num_without_language"]
    text += f", {unnamed:,} name no language."
    mixed = 0 < unnamed < rows
    return _finding(not without and not mixed, "Transcripts", text)


def _outliers(measures: list[dict[str, Any]]) -> dict[str, str]:
    found = {
        m["name"].lower(): sum(e["num_rows"] for e in m["outliers"].values())
        for m in measures
    }
    counted = ", ".join(f"{name} {rows:,}" for name, rows in found.items())
    text = f"Rows far from all others: {counted}."
    return _finding(not any(found.values()), "Outliers", text)


def _share(found: dict[str, int], title: str, why: str) -> dict[str, str]:
    rows, total = found["num_rows"], found["of_rows"]
    text = f"{rows:,} of {total:,} rows"
    return _finding(not rows, title, f"{text}; {why}." if rows else f"{text}.")


def _silence(found: dict[str, int], num_zeros: int) -> dict[str, str]:
    why = f"their loudest mel power is below {_SILENT_DB:.0f} dB"
    if num_zeros:
        why += f"; all samples of {num_zeros:,} of them are 0"
    return _share(found, "Rows without sound", why)


def _clipping(clipping: dict[str, Any]) -> dict[str, str]:
    title = "Clipping"
    clipped, rows = clipping["num_clipped"], clipping["num_rows"]
    without = clipping["num_without_peak"]
    if not rows:
        return _finding(True, title, _UNKNOWN if without else "No rows.")
    text = f"{clipped:,} of {rows:,} rows reach full scale"
    if without:
        text += f"; {without:,} more were stored before melmill kept peaks"
    return _finding(clipped <= _MOST_CLIPPED * rows, title, f"{text}.")


def _mels(mels: dict[str, dict[str, Any]]) -> dict[str, str]:
    title = "Sound of the splits"
    if len(mels) < 2:
        return _finding(True, title, "There is one split with rows.")
    (first, base), *others = mels.items()
    spread = np.maximum(base["spread"], 1e-6)
    far = {
        name: float(
            np.abs((np.array(other["mean"]) - base["mean"]) / spread).max()
        )
        for name, other in others
    }
    worst = max(far, key=far.__getitem__)
    text = (
        f"The means of the mels of {worst} and of {first} differ by "
        f"{far[worst]:.2f} standard deviations at most."
    )
    return _finding(far[worst] <= _MEL_DIFFERENCE, title, text)
