"""When a job stops trying."""

import json

from melmill._ray.cluster import End
from melmill._ray.faults import Faults


def full_disk(node: str, name: str = "1f" * 8) -> End:
    error = f"error: st/train.{name}.tmp: No space left on device"
    return End(node, "host", 4, "", error)


def doubtful(node: str) -> End:
    return End(node, "host", 4, json.dumps({"status": "doubtful"}), "")


def test_the_same_fault_on_three_nodes_is_that_of_the_job() -> None:
    faults = Faults()
    assert not faults.fault(full_disk("a"), 9)
    assert not faults.fault(full_disk("a", "2e" * 8), 9)
    assert not faults.fault(full_disk("b"), 9)
    assert faults.fault(full_disk("c", "3d" * 8), 9)  # whatever the shard


def test_two_nodes_are_all_if_there_are_no_more() -> None:
    faults = Faults()
    assert not faults.fault(full_disk("a"), 2)
    assert not faults.fault(full_disk("b"), 2)
    assert faults.fault(full_disk("a"), 2)
    assert not Faults().fault(full_disk("a"), 1)


def test_progress_forgets_faults() -> None:
    faults = Faults()
    faults.fault(full_disk("a"), 3)
    faults.fault(full_disk("b"), 3)
    faults.progress()
    assert not faults.fault(full_disk("c"), 3)


def test_rows_and_signals_are_none_of_the_jobs_faults() -> None:
    faults = Faults()
    for node in "abcdef":
        assert not faults.fault(doubtful(node), 6)
        assert not faults.fault(End(node, "host", 137, "", ""), 6)


def test_different_faults_do_not_add_up() -> None:
    faults = Faults()
    for node, error in (("a", "one"), ("b", "two"), ("c", "three")):
        assert not faults.fault(End(node, "host", 4, "", error), 3)


def test_a_node_that_fails_three_times_in_a_row_is_blamed() -> None:
    faults = Faults()
    for _ in range(2):
        faults.fault(doubtful("a"), 3)
    faults.success("a")
    for _ in range(2):
        faults.fault(doubtful("a"), 3)
    assert faults.blamed() == set()
    faults.fault(doubtful("a"), 3)
    faults.exclude("b")
    assert faults.blamed() == {"a", "b"}


def test_workers_may_die_as_long_as_shards_are_made() -> None:
    faults = Faults()
    for _ in range(3):
        assert not any(faults.death(2) for _ in range(20))
        faults.progress()
    assert [faults.death(2) for _ in range(21)] == [False] * 20 + [True]
