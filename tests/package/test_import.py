"""The package imports little, and soon."""

from store_job import Job
from store_reading import run_python

READ = """
import sys
import melmill, melmill.padding

split = melmill.open(sys.argv[1])["train"]
for row in split:
    row.features, row.text, row.tail_samples
split.texts(), split.find(split[0].audio)
melmill.padding.batch_features(split[:8])
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""

IMPORT = """
import time

begin = time.process_time()
import melmill
print(time.process_time() - begin)
"""


def test_reading_imports_nothing_but_numpy_and_xxhash(
    finished_job: Job,
) -> None:
    imported = set(run_python(READ, finished_job.store).split())
    assert {"melmill", "numpy", "xxhash"} <= imported
    assert not imported & {
        *("datasets", "h5py", "librosa", "matplotlib", "pandas", "torch"),
        *("pyarrow", "tokenizers", "transformers"),
    }


def test_importing_takes_little_time() -> None:
    """About 0.1 s, most of it for NumPy; PyTorch alone takes 1 s or more."""
    assert min(float(run_python(IMPORT)) for _ in range(3)) < 0.7
