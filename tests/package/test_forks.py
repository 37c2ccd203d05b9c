"""Processes can be forked at any time."""

from store_job import Job
from store_reading import Access, run_python

pytest_plugins = ["store_fixtures"]


LATE_IMPORTS = """
import sys
import melmill
import melmill.padding
import melmill.torch

path, access = sys.argv[1:]
before = set(sys.modules)
split = melmill.open(path, access=access)["train"]
for row in split[:4]:
    row.features, row.read_stored(), row.text, row.kept, row.audio_path
assert split.find("./" + split[0].audio) == split[0]
melmill.padding.batch_features(split[:4])
melmill.torch.collate(split[:4])
data = melmill.torch.FeatureDataset(split[:10])
sampler = melmill.torch.LengthBucketSampler(data, max_frames_per_batch=9999)
assert list(sampler)
data[0].features
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_imported_when_it_is_first_used(
    finished_job: Job, access: Access
) -> None:
    # A child that is forked during an import waits for it for ever.
    printed = run_python(LATE_IMPORTS, finished_job.store, access)
    assert printed == "[]\n"


FORKS_AT_FIRST_BATCH = """
import os, signal, sys, threading, time
import melmill
from melmill.padding import batch_features

split = melmill.open(sys.argv[1])["train"]
threads = [
    threading.Thread(target=batch_features, args=(split[:4],), daemon=True)
    for _ in range(2)
]
for thread in threads:
    thread.start()
children = set()
for _ in range(25):
    child = os.fork()
    if child == 0:
        batch_features(split[:4])
        os._exit(0)
    children.add(child)
end = time.monotonic() + 60
failed = 0
while children and time.monotonic() < end:
    done, status = os.waitpid(-1, os.WNOHANG)
    children.discard(done)
    failed += status != 0
    time.sleep(0 if done else 0.01)
for child in children:
    os.kill(child, signal.SIGKILL)
print(len(children), failed)
os._exit(0)
"""


def test_children_forked_at_the_first_batch_do_not_hang(
    finished_job: Job,
) -> None:
    for _ in range(3):
        printed = run_python(FORKS_AT_FIRST_BATCH, finished_job.store)
        assert printed == "0 0\n"
