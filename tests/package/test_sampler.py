"""Batches of rows of similar length: each row once, bounded, repeatable."""

import dataclasses
import itertools
import pickle
import time
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from melmill._batch.sampler import LengthBucketSampler

Batches = list[list[int]]
IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Case:
    """A data set and how it is split.

    Attributes:
      num_frames: Frames of each row, [rows].
      max_frames_per_batch: Padding included.
      world_size: Number of ranks; there are as many rows at least.
      seed: Of the sampler.
    """

    num_frames: IntArray
    max_frames_per_batch: int
    world_size: int
    seed: int

    def sampler(self, rank: int = 0, **options: Any) -> LengthBucketSampler:
        return LengthBucketSampler(
            self.num_frames,
            max_frames_per_batch=self.max_frames_per_batch,
            seed=self.seed,
            rank=rank,
            world_size=self.world_size,
            **options,
        )

    def epoch(self, number: int, **options: Any) -> list[Batches]:
        """The batches of every rank."""
        ranks = []
        for rank in range(self.world_size):
            sampler = self.sampler(rank, **options)
            sampler.set_epoch(number)
            ranks.append(list(sampler))
        return ranks


def cases() -> Iterator[Case]:
    """Data sets of one row to some hundreds, on 1 to 8 ranks."""
    random = np.random.default_rng(0)
    for seed in range(300):
        world_size = int(random.integers(1, 9))
        num_rows = world_size + int(random.integers(0, 10 ** (1 + seed % 3)))
        # Few lengths, so that many are equal, or many.
        num_frames = random.integers(0, 10 ** (1 + seed % 4), num_rows)
        # From hardly more than the longest row to all in one batch.
        rows_per_batch = 10 ** random.uniform(0.4, 3)
        bound = int(max(num_frames.max(), 1) * rows_per_batch)
        yield Case(num_frames, bound, world_size, seed)


def singles(num_rows: int, world_size: int) -> Case:
    """Rows of which no two fit into a batch."""
    return Case(np.arange(51, 51 + num_rows), 100, world_size, 0)


def flat(ranks: list[Batches]) -> list[int]:
    return [row for batches in ranks for batch in batches for row in batch]


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_is_read_once_per_epoch_by_one_rank(shuffle: bool) -> None:
    for case in cases():
        rows = flat(case.epoch(3, shuffle=shuffle))
        assert sorted(rows) == list(range(len(case.num_frames)))


def test_no_padded_batch_is_larger_than_the_bound() -> None:
    for case in cases():
        for batches in case.epoch(1):
            for rows in batches:
                padded = case.num_frames[rows].max() * len(rows)
                assert padded <= case.max_frames_per_batch


def test_no_batch_is_empty() -> None:
    for case in cases():
        assert all(rows for batches in case.epoch(0) for rows in batches)


def test_all_ranks_have_the_same_number_of_batches_in_all_epochs() -> None:
    for case in cases():
        counts = {
            len(batches) for epoch in range(3) for batches in case.epoch(epoch)
        }
        assert counts == {len(case.sampler())}


def test_few_batches_are_halved_for_many_ranks() -> None:
    case = Case(np.full(8, 100), 800, 5, seed=0)
    sizes = sorted(len(batch) for (batch,) in case.epoch(0))
    assert sizes == [1, 1, 2, 2, 2]


def test_the_same_seed_gives_the_same_batches() -> None:
    for case in cases():
        assert case.epoch(2) == case.epoch(2)


def test_batches_are_those_of_every_machine_and_version() -> None:
    case = Case(np.array([5, 9, 7, 1, 3, 8, 2, 6, 4, 7]), 16, 1, seed=7)
    assert case.epoch(4) == [[[2, 9], [0, 7], [8, 3, 6, 4], [5], [1]]]


def test_other_epochs_and_seeds_give_other_batches() -> None:
    num_frames = np.random.default_rng(1).integers(100, 2000, 500)
    case = Case(num_frames, 20_000, 2, seed=0)
    other_seed = dataclasses.replace(case, seed=1)
    orders = [case.epoch(0), case.epoch(1), other_seed.epoch(0)]
    mates = [
        {frozenset(batch) for batches in order for batch in batches}
        for order in orders
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert flat(orders[one]) != flat(orders[other])
        assert len(mates[one] & mates[other]) < 0.1 * len(mates[one])


def test_lengths_do_not_follow_an_order_within_an_epoch() -> None:
    num_frames = np.random.default_rng(1).integers(100, 2000, 20_000)
    case = Case(num_frames, 20_000, 1, seed=0)
    (batches,) = case.epoch(0)
    longest = [num_frames[rows].max() for rows in batches]
    half = len(longest) // 2
    spread = np.std(longest) / half**0.5
    assert abs(np.mean(longest[:half]) - np.mean(longest[half:])) < 6 * spread


def test_without_shuffle_the_longest_rows_come_first_in_every_epoch() -> None:
    case = Case(np.arange(100, 400), 4000, 1, seed=0)
    (batches,) = case.epoch(0, shuffle=False)
    assert batches[0] == [299 - row for row in range(10)]
    assert flat([batches]) == list(range(299, -1, -1))
    assert case.epoch(5, shuffle=False) == [batches]


def test_without_shuffle_batches_are_as_few_as_can_be() -> None:
    for case in cases():
        case = dataclasses.replace(case, world_size=1)
        (batches,) = case.epoch(0, shuffle=False)
        for batch in batches[:-1]:
            longest = case.num_frames[batch].max()
            assert longest * (len(batch) + 1) > case.max_frames_per_batch


@pytest.mark.parametrize("through_a_file", [False, True])
def test_resuming_at_every_place_gives_the_batches_that_were_left(
    through_a_file: bool,
) -> None:
    num_frames = np.random.default_rng(2).integers(100, 2000, 200)
    case = Case(num_frames, 10_000, 2, seed=3)
    for rank, batches in enumerate(case.epoch(6)):
        for num_done in range(len(batches) + 1):
            stopped = case.sampler(rank)
            stopped.set_epoch(6)
            iterator = iter(stopped)
            assert [next(iterator) for _ in range(num_done)] == (
                batches[:num_done]
            )
            state = stopped.state_dict()
            if through_a_file:
                state = pickle.loads(pickle.dumps(state))
            resumed = case.sampler(rank)
            resumed.load_state_dict(state)
            assert resumed.epoch == 6
            assert resumed.num_batches_done == num_done
            assert list(resumed) == batches[num_done:]


def test_the_loop_in_the_docstring_loses_and_repeats_nothing() -> None:
    num_frames = np.random.default_rng(2).integers(100, 2000, 60)
    case = Case(num_frames, 10_000, 1, seed=3)
    expected = [case.epoch(epoch)[0] for epoch in range(3)]

    def train(
        sampler: LengthBucketSampler, stop_after: int
    ) -> tuple[list[list[int]], dict[str, int]]:
        seen = []
        for epoch in range(sampler.epoch, 3):
            sampler.set_epoch(epoch)
            first = sampler.num_batches_done
            # As a DataLoader that has taken the whole epoch in advance.
            for step, batch in enumerate(list(sampler), first):
                seen.append(batch)
                state = sampler.state_dict(num_batches_done=step + 1)
                if len(seen) == stop_after:
                    return seen, state
        return seen, {}

    num_batches = sum(map(len, expected))
    for stop_after in range(1, num_batches):
        before, state = train(case.sampler(), stop_after)
        sampler = case.sampler()
        sampler.load_state_dict(state)
        after, _ = train(sampler, num_batches)
        assert before + after == list(itertools.chain(*expected))


def test_set_epoch_of_another_epoch_forgets_the_loaded_place() -> None:
    case = Case(np.arange(100, 400), 4000, 1, seed=0)
    sampler = case.sampler()
    sampler.load_state_dict({**sampler.state_dict(num_batches_done=5)})
    sampler.set_epoch(1)
    assert sampler.num_batches_done == 0
    assert [list(sampler)] == case.epoch(1)


def test_the_second_iteration_after_resuming_is_a_whole_epoch() -> None:
    case = Case(np.arange(100, 400), 4000, 1, seed=0)
    sampler = case.sampler()
    sampler.load_state_dict(sampler.state_dict(num_batches_done=5))
    whole = case.epoch(0)[0]
    assert list(sampler) == whole[5:]
    assert list(sampler) == whole


def test_an_iterator_that_is_dropped_takes_nothing() -> None:
    case = Case(np.arange(100, 400), 4000, 1, seed=0)
    sampler = case.sampler()
    sampler.load_state_dict(sampler.state_dict(num_batches_done=5))
    iter(sampler)
    assert list(sampler) == case.epoch(0)[0][5:]


def test_the_state_of_one_rank_serves_all() -> None:
    case = Case(np.arange(100, 400), 4000, 4, seed=0)
    state = case.sampler(rank=0).state_dict(num_batches_done=3)
    for rank, batches in enumerate(case.epoch(0)):
        sampler = case.sampler(rank)
        sampler.load_state_dict(state)
        assert list(sampler) == batches[3:]


def train_on(
    case: Case, world_size: int, state: dict[str, Any] | None, num_steps: int
) -> tuple[list[int], dict[str, Any]]:
    """The rows of some steps on all ranks, and the state after them."""
    case = dataclasses.replace(case, world_size=world_size)
    rows: list[int] = []
    states = []
    for rank in range(world_size):
        sampler = case.sampler(rank)
        sampler.set_epoch(7)
        if state is not None:
            sampler.load_state_dict(state)
            is_same = state["world_size"] == world_size
            done = state["num_batches_done"] if is_same else 0
            assert (sampler.epoch, sampler.num_batches_done) == (7, done)
            sampler.set_epoch(7)
        batches = list(itertools.islice(iter(sampler), num_steps))
        rows += flat([batches])
        states.append(pickle.loads(pickle.dumps(sampler.state_dict())))
        for batch in batches:
            longest = int(case.num_frames[batch].max())
            assert longest * len(batch) <= case.max_frames_per_batch
    assert all(other == states[0] for other in states)
    return rows, states[0]


@pytest.mark.parametrize(
    "world_sizes", [(4, 2), (2, 4), (1, 3, 8), (8, 3, 3, 1), (5, 7, 5)]
)
def test_other_numbers_of_ranks_resume_and_read_each_row_once(
    world_sizes: tuple[int, ...],
) -> None:
    num_frames = np.random.default_rng(2).integers(100, 2000, 400)
    case = Case(num_frames, 10_000, 1, seed=3)
    for num_steps in (0, 1, 3):
        rows: list[int] = []
        state = None
        for world_size in world_sizes[:-1]:
            seen, state = train_on(case, world_size, state, num_steps)
            rows += seen
        seen, _ = train_on(case, world_sizes[-1], state, 10_000)
        assert sorted(rows + seen) == list(range(400)), num_steps


def test_all_ranks_of_now_have_the_same_number_of_batches() -> None:
    num_frames = np.random.default_rng(2).integers(100, 2000, 400)
    case = Case(num_frames, 10_000, 4, seed=3)
    state = case.sampler().state_dict(num_batches_done=5)
    counts = set()
    for rank in range(3):
        sampler = dataclasses.replace(case, world_size=3).sampler(rank)
        sampler.load_state_dict(state)
        counts.add(len(list(sampler)))
        assert sampler.num_batches_done in counts
        assert len(list(sampler)) == len(sampler)  # a whole epoch again
    assert len(counts) == 1


def test_after_the_resumed_epoch_all_epochs_are_those_of_now() -> None:
    case = Case(np.arange(100, 400), 4000, 4, seed=0)
    state = case.sampler().state_dict(num_batches_done=2)
    one = dataclasses.replace(case, world_size=1)
    sampler = one.sampler()
    sampler.load_state_dict(state)
    list(sampler)
    assert sampler.state_dict()["earlier"] == [[4, 2]]
    sampler.set_epoch(1)
    assert sampler.state_dict()["earlier"] == []
    assert [list(sampler)] == one.epoch(1)


def test_the_order_that_was_left_is_kept() -> None:
    case = Case(np.arange(100, 400), 4000, 2, seed=0)
    whole = case.epoch(0)
    state = case.sampler().state_dict(num_batches_done=3)
    alone = dataclasses.replace(case, world_size=1).sampler()
    alone.load_state_dict(state)
    assert (
        list(alone)
        == [batch for pair in zip(*whole, strict=True) for batch in pair][6:]
    )


def test_too_few_rows_for_the_ranks_of_now_are_an_error() -> None:
    case = Case(np.full(12, 100), 100, 2, seed=0)
    state = case.sampler().state_dict(num_batches_done=5)
    more = dataclasses.replace(case, world_size=4)
    with pytest.raises(ValueError, match=r"2 rows are left .* 4 ranks"):
        more.sampler().load_state_dict(state)
    sampler = more.sampler(drop_last=True)
    sampler.load_state_dict({**state, "drop_last": True})
    assert list(sampler) == []


def test_a_place_that_other_ranks_cannot_have_reached_is_refused() -> None:
    case = Case(np.arange(100, 400), 4000, 4, seed=0)
    state = case.sampler().state_dict(num_batches_done=1000)
    with pytest.raises(ValueError, match="num_batches_done=1000"):
        dataclasses.replace(case, world_size=2).sampler().load_state_dict(state)


def test_a_sampler_says_what_it_has() -> None:
    case = Case(np.arange(100, 400), 4000, 2, seed=9)
    shown = repr(case.sampler(rank=1))
    assert shown == (
        f"<LengthBucketSampler of 300 rows: {len(case.sampler())} batches of "
        "at most 4,000 frames for rank 1 of 2, epoch 0, seed 9>"
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"max_frames_per_batch": 4001}, "max_frames_per_batch"),
        ({"num_frames": np.arange(101, 401)}, "checksum_of_num_frames"),
    ],
)
def test_a_state_of_other_settings_is_refused_naming_them(
    changed: dict[str, Any], named: str
) -> None:
    case = Case(np.arange(100, 400), 4000, 2, seed=0)
    other = dataclasses.replace(case, **changed)
    with pytest.raises(ValueError, match=named):
        other.sampler().load_state_dict(case.sampler().state_dict())


@pytest.mark.parametrize("num_done", [-1, 1000])
def test_a_state_outside_the_epoch_is_refused(num_done: int) -> None:
    sampler = Case(np.arange(100, 400), 4000, 2, seed=0).sampler()
    state = sampler.state_dict(num_batches_done=num_done)
    with pytest.raises(ValueError, match=f"num_batches_done={num_done}"):
        sampler.load_state_dict(state)


def test_a_pickled_sampler_goes_on_alike() -> None:
    sampler = Case(np.arange(100, 400), 4000, 2, seed=0).sampler(rank=1)
    sampler.load_state_dict(sampler.state_dict(num_batches_done=2))
    copy = pickle.loads(pickle.dumps(sampler))
    assert list(copy) == list(sampler)


def test_a_row_longer_than_the_bound_is_an_error_naming_it() -> None:
    num_frames = np.array([10, 20, 101, 30, 102])
    with pytest.raises(
        ValueError, match=r"row 2 has 101 frames.*=100; .*2 of 5.* 102 frames"
    ):
        LengthBucketSampler(num_frames, max_frames_per_batch=100)


@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_longer_than_the_bound_can_be_batches_of_their_own(
    shuffle: bool,
) -> None:
    for case in itertools.islice(cases(), 0, None, 4):
        bound = max(int(np.quantile(case.num_frames, 0.8)), 1)
        case = dataclasses.replace(case, max_frames_per_batch=bound)
        options: dict[str, Any] = {"shuffle": shuffle, "drop_last": True}
        ranks = case.epoch(2, on_too_long="alone", **options)
        rows = flat(ranks)
        assert len(rows) == len(set(rows)) > 0
        for batches in ranks:
            for batch in batches:
                longest = int(case.num_frames[batch].max())
                assert len(batch) == 1 or longest * len(batch) <= bound


def test_only_known_words_say_what_to_do_with_long_rows() -> None:
    with pytest.raises(ValueError, match=r"'skip', not \"error\""):
        Case(np.arange(9), 9, 1, seed=0).sampler(on_too_long="skip")


def test_fewer_rows_than_ranks_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"3 rows .* 4 ranks"):
        Case(np.arange(1, 4), 100, 4, seed=0).sampler()


def test_no_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        LengthBucketSampler([], max_frames_per_batch=100)


def test_single_rows_that_do_not_divide_are_an_error_that_says_what_helps() -> (
    None
):
    with pytest.raises(ValueError, match=r"10 rows in 10 batches.*drop_last"):
        singles(10, world_size=4).sampler()


def test_drop_last_leaves_out_other_rows_in_each_epoch() -> None:
    case = singles(10, world_size=4)
    left_out = []
    for epoch in range(20):
        rows = flat(case.epoch(epoch, drop_last=True))
        assert len(rows) == len(set(rows)) == 8
        left_out.append(set(range(10)) - set(rows))
    assert set.union(*left_out) == set(range(10))


def test_drop_last_still_halves_where_there_are_fewer_batches_than_ranks() -> (
    None
):
    case = Case(np.full(8, 100), 800, 5, seed=0)
    assert sorted(flat(case.epoch(0, drop_last=True))) == list(range(8))


def test_rows_that_can_be_paired_divide_over_ranks_after_all() -> None:
    # With buckets of two batches no two of these would be together.
    num_frames = np.array([60, 60, 60, 50, 50])
    for world_size in (2, 4):
        case = Case(num_frames, 100, world_size, seed=0)
        assert sorted(flat(case.epoch(0))) == list(range(5))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rank": 0}, "both"),
        ({"world_size": 2}, "both"),
        ({"rank": 2, "world_size": 2}, "rank 2"),
        ({"rank": -1, "world_size": 2}, "rank -1"),
        ({"max_frames_per_batch": 0}, "positive"),
    ],
)
def test_impossible_options_are_errors(
    options: dict[str, int], named: str
) -> None:
    options = {"max_frames_per_batch": 100, **options}
    with pytest.raises(ValueError, match=named):
        LengthBucketSampler(np.arange(50), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "num_frames", [np.zeros((2, 2), int), np.ones(3), np.array([-1, 2])]
)
def test_lengths_that_are_none_are_errors(num_frames: Any) -> None:
    with pytest.raises(ValueError, match="num_frames"):
        LengthBucketSampler(num_frames, max_frames_per_batch=100)


def test_lengths_may_have_the_type_that_stores_have() -> None:
    num_frames = np.arange(100)
    small = LengthBucketSampler(
        num_frames.astype(np.uint32), max_frames_per_batch=200
    )
    assert list(small) == list(
        LengthBucketSampler(num_frames, max_frames_per_batch=200)
    )


def speech_lengths(corpus: list[dict[str, str]]) -> IntArray:
    """Frames of each recording at 16 kHz."""
    lengths = []
    for row in corpus:
        with wave.open(row["audio"]) as recording:
            duration_s = recording.getnframes() / recording.getframerate()
        lengths.append(int(duration_s * 16000) // 160)
    return np.array(lengths)


def padded_share(num_frames: IntArray, batches: Batches) -> float:
    """What part of the padded batches is padding, 0 to 1."""
    padded = sum(num_frames[rows].max() * len(rows) for rows in batches)
    return 1 - float(num_frames.sum() / padded)


def test_real_speech_is_padded_little(
    corpus: list[dict[str, str]], record_property: Any
) -> None:
    num_frames = speech_lengths(corpus)
    bound = 2 * int(num_frames.max())
    case = Case(num_frames, bound, 1, seed=0)
    (batches,) = case.epoch(0)
    shuffled = np.random.default_rng(0).permutation(len(num_frames)).tolist()
    random = [shuffled[at : at + 8] for at in range(0, len(shuffled), 8)]
    share = padded_share(num_frames, batches)
    random_share = padded_share(num_frames, random)
    record_property("padding in length buckets", share)
    record_property("padding in random batches of 8", random_share)
    assert share < 0.1
    assert random_share > 4 * share
    # And batches are full: no more of them than the bound asks for.
    assert len(batches) < 1.2 * num_frames.sum() / bound


def test_a_million_rows_are_batched_in_seconds() -> None:
    num_frames = np.random.default_rng(0).integers(100, 2000, 1_000_000)
    begin_s = time.process_time()
    sampler = LengthBucketSampler(num_frames, max_frames_per_batch=30_000)
    num_rows = sum(map(len, sampler))
    seconds = time.process_time() - begin_s
    assert num_rows == 1_000_000
    # About 0.8 s; a loop over rows takes 10 times as long.
    assert seconds < 4
