"""What the extractor gives a clip that is padded, from its stored row.

docs/numerics.md explains this function and shows it as it stands here.
"""

import numpy as np
import numpy.typing as npt
from transformers.audio_utils import mel_filter_bank

FloatArray = npt.NDArray[np.floating]
HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)


def padded_features(
    row: FloatArray,
    num_samples: int,
    body_max: float,
    tail_samples: FloatArray,
    d: int,
) -> FloatArray:
    """The [frames, mels] features of a clip followed by d zeros."""
    n_mels = row.shape[1]
    mel = mel_filter_bank(
        201, n_mels, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney"
    )
    num_frames = (num_samples + d) // 160
    num_body = (num_samples - 200) // 160 + 1
    touching = np.arange(
        num_body, min((num_samples + 199) // 160 + 1, num_frames)
    )

    # The padded clip from sample num_samples - 400 on.
    end = np.concatenate([tail_samples, np.zeros(min(d, 400))])
    index = np.abs(160 * touching[:, None] + np.arange(-200, 200))
    last = num_samples + d - 1
    index = np.where(index > last, 2 * last - index, index)
    frames = end.astype(np.float64)[index - (num_samples - 400)]
    power = np.abs(np.fft.rfft(frames * HANN)) ** 2
    log10 = np.log10(np.maximum(power @ mel, 1e-10))

    features = np.full((num_frames, n_mels), (-10.0 + 4) / 4)
    features[:num_body] = row[:num_body]
    features[touching] = (log10 + 4) / 4
    clip_max = max(body_max, log10.max(initial=-10.0))
    floor = (max(clip_max - 8, -10.0) + 4) / 4
    return features.clip(min=floor).astype(np.float32)
