"""Writes what librosa + transformers make of some rows of a manifest.

The file holds `rows`, `num_rows` and `num_frames` of the whole manifest, and
`features_ROW`, float32 [frames, 128], for each of the rows.
"""

import argparse
from pathlib import Path

import librosa
import numpy as np
from transformers import WhisperFeatureExtractor

from pipelines.peer_store import RATE_HZ, num_frames_of, read_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path, help="a .npz file")
    parser.add_argument("--rows", type=int, default=12)
    arguments = parser.parse_args()
    paths = read_manifest(arguments.manifest)
    picks = np.linspace(0, len(paths) - 1, arguments.rows).round().astype(int)
    extractor = WhisperFeatureExtractor(feature_size=128)
    features = {}
    for row in np.unique(picks).tolist():
        samples, _ = librosa.load(paths[row], sr=RATE_HZ, mono=True)
        outputs = extractor(
            samples,
            sampling_rate=RATE_HZ,
            padding=False,
            truncation=False,
            return_tensors="np",
            device="cpu",
        )
        features[f"features_{row}"] = outputs["input_features"][0].T
    np.savez(
        arguments.out,
        rows=np.unique(picks),
        num_rows=len(paths),
        num_frames=sum(num_frames_of(path) for path in paths),
        **features,
    )


if __name__ == "__main__":
    main()
