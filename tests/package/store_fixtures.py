"""Fixtures of the tests that read stores.

For modules that have `pytest_plugins` of this one.
"""

import melmill
import pytest
from store_job import Job
from store_reading import Access


@pytest.fixture(params=["mmap", "pread"])
def access(request: pytest.FixtureRequest) -> Access:
    chosen: Access = request.param
    return chosen


@pytest.fixture
def store(finished_job: Job, access: Access) -> melmill.Store:
    return melmill.open(finished_job.store, access=access)
