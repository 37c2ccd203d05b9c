"""What a bench of training says of the times that it measured."""

import dataclasses

import melmill
import pytest
from melmill._bench.training_bench import TrainingBench, Way

AUDIO = Way(0.3, 0.31, 0.01, cpu_s=0.62, wait_s=0.0, step_s=0.2)
STORE = Way(0.0, 0.01, 0.01, cpu_s=0.02, wait_s=0.0, step_s=0.2)


def bench(
    audio_wait_s: float,
    store_wait_s: float,
    *,
    num_workers: int = 4,
    has_step: bool = True,
    audio: Way = AUDIO,
) -> TrainingBench:
    step_s = 0.2 if has_step else 0.0
    return TrainingBench(
        dataclasses.replace(audio, wait_s=audio_wait_s, step_s=step_s),
        dataclasses.replace(STORE, wait_s=store_wait_s, step_s=step_s),
        batch_size=8,
        num_batches=20,
        num_workers=num_workers,
        has_step=has_step,
        mean_audio_s=60.0,
        has_tokenizer=True,
        max_feature_difference=4e-4,
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (
            bench(0.0, 0.0),
            "With your step of 200 ms and 4 workers the loader already keeps "
            "up: a store saves no time, but keeps 3.0 fewer cores busy.",
        ),
        (
            bench(0.009, 0.0, audio=STORE),
            "With your step of 200 ms and 4 workers the loader already keeps "
            "up: a store saves no time.",
        ),
        (
            bench(0.42, 0.0001, num_workers=1),
            "With your step of 200 ms and 1 worker a step waits 420 ms for "
            "audio and 0.1 ms for the store: with the store it trains 3.1 "
            "times as fast.",
        ),
        (
            bench(0.021, 0.02),
            "With your step of 200 ms and 4 workers a step waits 21 ms for "
            "audio and 20 ms for the store: the store saves no time.",
        ),
        (
            bench(0.02, 0.32),
            "With your step of 200 ms and 4 workers a step waits 20 ms for "
            "audio and 320 ms for the store: the store saves no time.",
        ),
        (
            bench(0.155, 0.005, has_step=False),
            "With 4 workers a step of less than 155 ms waits for audio, and "
            "one of less than 5.0 ms for the store; the store saves a longer "
            "step no time, but 600 ms of processor time a batch. Give "
            "step_seconds to see which is yours.",
        ),
        (
            bench(0.62, 0.02, num_workers=0, has_step=False),
            "Without workers each step waits 620 ms for audio and 20 ms for "
            "the store.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(
    found: TrainingBench, verdict: str
) -> None:
    assert found.verdict == verdict
    assert repr(found).endswith(f"\n\n{verdict}")


def test_the_table_has_both_ways() -> None:
    assert repr(bench(0.42, 0.0)).splitlines()[:11] == [
        "20 batches of 8 clips, 60.0 s of audio on average; both ways gave "
        "equal tensors",
        "a batch, made by one process   from audio   from store",
        "  loading audio                    300 ms       0.0 ms",
        "  features                         310 ms        10 ms",
        "  tokenising                        10 ms        10 ms",
        "  together                         620 ms        20 ms",
        "  share of tokenising                 2 %         50 %",
        "  processor time                   620 ms        20 ms",
        "training with 4 workers",
        "  a step takes                     200 ms       200 ms",
        "  and waits for data               420 ms       0.0 ms",
    ]


def test_an_extractor_has_no_line_for_a_tokenizer() -> None:
    found = dataclasses.replace(bench(0.0, 0.0), has_tokenizer=False)
    assert "tokenis" not in repr(found)


def test_a_busy_machine_is_told() -> None:
    busy = dataclasses.replace(AUDIO, cpu_s=0.3)
    found = bench(0.0, 0.0, audio=busy)
    assert found.was_disturbed
    assert repr(found).endswith("measure again at rest.")
    assert not bench(0.0, 0.0).was_disturbed


def test_the_class_is_public() -> None:
    assert melmill.TrainingBench is TrainingBench
