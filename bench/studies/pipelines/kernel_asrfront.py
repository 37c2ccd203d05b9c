"""Times asrfront's log-mel alone: one thread, samples in memory.

Prints one JSON line: {"audio_s": ..., "seconds": [of each round]}.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soundfile
from asrfront import qwen3_asr

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]


def time_round(clips: list[Samples]) -> float:
    begin = time.perf_counter()
    for samples in clips:
        qwen3_asr.log_mel(samples)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds 16 kHz mono WAV files")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob("*.wav"))
    # float32 is what it computes from; int16 costs it a conversion.
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths]
    time_round(clips)
    seconds = [time_round(clips) for _ in range(arguments.rounds)]
    audio_s = sum(len(samples) for samples in clips) / 16000
    print(json.dumps({"audio_s": audio_s, "seconds": seconds}))


if __name__ == "__main__":
    main()
