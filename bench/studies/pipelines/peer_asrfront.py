"""The fastest pipeline that can be composed of public packages.

asrfront loads and transforms, OpenCV rounds to float16 (numpy takes 20 times as
long for that), two threads: all of these calls release the interpreter's lock.
"""

import argparse
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asrfront
import cv2
import numpy as np
from asrfront import qwen3_asr

from pipelines.peer_store import FeatureFile, num_frames_of, read_manifest

NUM_THREADS = 2


def extract(
    paths: list[str],
    next_row: Callable[[], int | None],
    store: FeatureFile,
) -> None:
    while (row := next_row()) is not None:
        samples = asrfront.load(paths[row])
        features = cv2.convertFp16(qwen3_asr.log_mel(samples))
        store.write(row, features.view(np.float16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path, help="folder of the store")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    paths = read_manifest(arguments.manifest)
    num_frames = [num_frames_of(path) for path in paths]
    arguments.out.mkdir()
    rows: Iterator[int] = iter(range(len(paths)))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            # next() on a range is atomic.
            extract(paths, lambda: next(rows, None), store)
        except BaseException as failure:
            failures.append(failure)

    out = arguments.out / "features.h5"
    with FeatureFile(out, range(len(paths)), num_frames) as store:
        threads = [threading.Thread(target=work) for _ in range(NUM_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    main()
