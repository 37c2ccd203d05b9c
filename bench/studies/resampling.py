#!/usr/bin/env python3
"""Compares the resamplers with soxr HQ: speed, responses, errors.

By hand, in the environment of the peers:

    bench/studies/peers.py --help                                    makes it
    cmake --preset dev && cmake --build --preset dev --target resample_samples
    cmake --preset bench
    cmake --build --preset bench --target resampler_benchmark
    build/bench-venv/bin/python bench/studies/resampling.py speed
    build/bench-venv/bin/python bench/studies/resampling.py accuracy

Speed: every target and soxr take turns in one process for each rate and
duration, on one thread, and each is checked against soxr's samples first. The
table has the ratio of the medians and, in brackets, that of the best rounds.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import soxr
import speech_corpus
from common import machine
from resamplers import accuracy, plots, speed
from resamplers.resample import SOXR, Samples, resampler_names
from resamplers.signals import RATES

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build"
SPEECH_S = 20


def read_speech(rate_hz: int, recordings: list[Samples]) -> Samples:
    joined = np.concatenate(recordings)[: SPEECH_S * 8000]
    made: Samples = soxr.resample(
        joined, speech_corpus.SOURCE_RATE_HZ, rate_hz, quality="VHQ"
    )
    return made


def print_facts() -> None:
    facts = machine.facts(BUILD / "release" / "tools" / "melmill", REPOSITORY)
    for name, value in facts.items():
        print(f"- {name}: {value}")
    print()


def compare_speed(arguments: argparse.Namespace) -> None:
    runs = []
    for rate_hz in arguments.rates:
        for duration_s in speed.DURATIONS_S:
            print(f"{rate_hz} Hz, {duration_s} s", file=sys.stderr)
            runs += speed.measure(
                arguments.benchmark, rate_hz, duration_s, arguments.rounds
            )
    print(speed.table(runs))
    if arguments.images:
        plots.draw_speed(runs, arguments.images / "resampling_speed.png")


def compare_accuracy(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as work:
        recordings = [
            recording.samples
            for recording in speech_corpus.read_recordings(Path(work))
        ]
    names = resampler_names(arguments.samples)
    # Of the targets, one that fuses multiply-adds and the one that does not.
    shown = [SOXR, names[1], *(name for name in names[2:] if name == "sse4")]
    found = []
    for rate_hz in arguments.rates:
        print(f"{rate_hz} Hz", file=sys.stderr)
        voices = read_speech(rate_hz, recordings)
        found += accuracy.measure(arguments.samples, shown, rate_hz, voices)
    print(accuracy.table(found))
    if arguments.images:
        drawn = [one for one in found if one.resampler in shown[:2]]
        images = arguments.images
        plots.draw_responses(drawn, images / "resampling_response.png")
        plots.draw_errors(drawn, images / "resampling_error.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "accuracy"])
    parser.add_argument("--rates", type=int, nargs="+", default=RATES)
    parser.add_argument("--rounds", type=int, default=9, help="of speed")
    parser.add_argument("--images", type=Path, help="draw the plots there")
    parser.add_argument(
        "--benchmark",
        type=Path,
        default=BUILD / "bench/bench/studies/resampler_benchmark",
    )
    parser.add_argument(
        "--samples",
        type=Path,
        default=BUILD / "dev" / "tests" / "resample_samples",
    )
    arguments = parser.parse_args()
    print_facts()
    compare = {"speed": compare_speed, "accuracy": compare_accuracy}
    compare[arguments.what](arguments)


if __name__ == "__main__":
    main()
