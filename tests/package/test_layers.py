"""The modules of the package import in one direction and are tested."""

import ast
import graphlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import REPOSITORY

PACKAGE = REPOSITORY / "python" / "melmill"

# Each room may use itself and those before it; the last holds what is public.
ROOMS = [
    *("_store", "_batch", "_view", "_models", "_bench", "_convert"),
    *("_files", "_contents", "_remote", "_stage", "_transfer", "_certify"),
    *("_report", "_process", "_ray", "_extract", ""),
]

# What is imported when it is first used, because not everybody has it.
LAZY = {
    ("melmill", "melmill._bench.measuring"),
    ("melmill", "melmill._certify.certifying"),
    ("melmill", "melmill._extract.extraction"),
    ("melmill._convert.parquet", "pyarrow"),
    ("melmill._convert.parquet", "pyarrow.ipc"),
    ("melmill._convert.parquet", "pyarrow.parquet"),
    ("melmill._convert.parquet", "pyarrow.types"),
    ("melmill._extract.display", "tqdm.auto"),
    ("melmill._ray.child", "ray"),
    ("melmill._scripts", "melmill._certify.certify_command"),
    ("melmill._scripts", "melmill.qwen3_asr"),
    ("melmill._scripts", "melmill._report.report_command"),
    ("melmill._scripts", "melmill.ray"),
    ("melmill._store.split", "melmill._models.hf"),
    ("melmill._store.row", "melmill._view.html"),
    ("melmill._store.split", "melmill._view.columns"),
    ("melmill._store.split", "melmill._view.html"),
    ("melmill._store.store", "melmill._view.html"),
    ("melmill._view.columns", "pandas"),
    ("melmill._view.columns", "pyarrow"),
    ("melmill._store.row", "melmill._view.plot"),
    ("melmill._view.plot", "matplotlib"),
    ("melmill._models.audio_loaders", "librosa"),
    ("melmill._models.audio_loaders", "librosa.core.audio"),
    ("melmill._models.audio_loaders", "librosa.util.utils"),
    ("melmill._remote.file_systems", "aiohttp"),
    ("melmill._remote.file_systems", "fsspec"),
    ("melmill._stage.remote_files", "fsspec"),
    ("melmill.qwen3_asr", "qwen_asr.core.transformers_backend"),
}

# Rooms and modules that import no PyTorch, directly or through others.
WITHOUT_TORCH = [
    *("_store", "_batch.batch_plan", "_batch.epoch", "_batch.mel"),
    "_batch.padding",
    *("_batch.sampler", "_contents", "_files", "_view", "_remote", "_stage"),
    "_transfer",
]

# Modules that have no tests of their own, and whose tests reach them.
TESTED_BY = {
    "melmill.__main__": "../wheel/test_installers.py",
    "melmill._batch.batch_plan": "test_sampler.py",
    "melmill._batch.epoch": "test_sampler.py",
    "melmill._batch.mel": "test_padding.py",
    "melmill._certify.certificate": "test_certifying.py",
    "melmill._convert.output": "test_convert.py",
    "melmill._convert.rows": "test_convert.py",
    "melmill._batch.long_rows": "test_torch.py",
    "melmill._models.extractor_form": "test_feature_extractor.py",
    "melmill._models.extractor_settings": "test_feature_extractor.py",
    "melmill._models.qwen3_asr_batch": "test_qwen3_asr.py",
    "melmill._models.reference_audio": "test_check.py",
    "melmill._models.tolerance": "test_check.py",
    "melmill._models.two_ways": "test_check.py",
    "melmill._process.extract_error": "test_extraction.py",
    "melmill._ray.child": "../cluster/test_child.py",
    "melmill._ray.cluster": "../cluster/test_deaths.py",
    "melmill._ray.faults": "../cluster/test_faults.py",
    "melmill._ray.job": "../cluster/test_job.py",
    "melmill._ray.parts": "../cluster/test_bad_nodes.py",
    "melmill._ray.ray_command": "../cluster/test_refusals.py",
    **{
        f"melmill._report.{name}": "test_report_command.py"
        for name in (
            *("charts", "checks", "clips", "mel_sample", "page", "rejects"),
            *("row_columns", "time_unit"),
        )
    },
    **{
        f"melmill._report.{name}": "test_report_numbers.py"
        for name in ("clipping", "repeats", "summary")
    },
    "melmill.ray": "../cluster/test_job.py",
    "melmill._extract.rejects_error": "test_extraction.py",
    "melmill._extract.program": "../wheel/test_installers.py",
    "melmill._scripts": "test_scripts.py",
    "melmill._remote.command_line": "test_stage_command.py",
    "melmill._remote.file_systems": "test_remote_files.py",
    "melmill._remote.patience": "test_copies.py",
    "melmill._remote.url_text": "test_audio_url.py",
    "melmill._stage.output_files": "test_staging.py",
    "melmill._store.narrow_types": "test_row.py",
    "melmill._store.errors": "test_bad_stores.py",
    "melmill._store.index": "test_bad_stores.py",
    "melmill._store.part": "test_row.py",
    "melmill._store.shard": "test_bad_stores.py",
    "melmill._store.table": "test_bad_stores.py",
    "melmill._transfer.command": "test_push.py",
    "melmill._transfer.downloads": "test_pull.py",
    "melmill._transfer.folder_lock": "test_push.py",
    "melmill._transfer.jobs": "test_push.py",
    "melmill._transfer.local_file": "test_pull.py",
    "melmill._transfer.pull_command": "test_pull.py",
    "melmill._transfer.push_command": "test_push.py",
    "melmill._transfer.uploads": "test_push.py",
    "melmill._contents.store_difference": "test_push.py",
    "melmill._contents.store_files": "test_pull.py",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def names_of(statement: ast.stmt) -> Iterator[str]:
    """The modules that a statement imports."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        for alias in statement.names:
            inner = f"{statement.module}.{alias.name}"
            yield inner if inner in MODULES else statement.module


def imports(module: str) -> set[str]:
    """What a module imports when it is imported."""
    body = ast.parse(MODULES[module].read_text()).body
    return set(itertools.chain.from_iterable(map(names_of, body)))


def late_imports(module: str) -> set[str]:
    """What functions of a module import."""
    functions = [
        node
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    statements = [
        inner
        for function in functions
        for inner in ast.walk(function)
        if isinstance(inner, ast.stmt)
    ]
    return set(itertools.chain.from_iterable(map(names_of, statements)))


def room_of(module: str) -> int:
    room = module.split(".")[1] if module.count(".") == 2 else ""
    return ROOMS.index(room)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_to_rooms_before(module: str) -> None:
    inner = imports(module) & MODULES.keys()
    if module.split(".")[-1] in ROOMS:
        assert not inner  # the rooms themselves only say what they hold
    assert all(room_of(other) <= room_of(module) for other in inner)


def test_every_module_is_tested_at_its_place() -> None:
    folder = Path(__file__).parent
    for module, path in MODULES.items():
        own = folder / f"test_{path.name}"
        if path.name == "__init__.py":
            continue
        assert own.exists() is (module not in TESTED_BY), module
    assert all((folder / name).exists() for name in TESTED_BY.values())


def test_no_module_imports_itself_through_others() -> None:
    graph = {module: imports(module) & MODULES.keys() for module in MODULES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_only_what_not_everybody_has_is_imported_late() -> None:
    late = {
        (module, other) for module in MODULES for other in late_imports(module)
    }
    assert late == LAZY


def all_imports(module: str) -> set[str]:
    """What a module imports, and what its imports import, and so on."""
    found: set[str] = set()
    left = {module}
    while left:
        name = left.pop()
        found.add(name)
        left |= (imports(name) if name in MODULES else set()) - found
    return found


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_reading_and_batches_of_numpy_need_little(room: str) -> None:
    names = [name for name in MODULES if name.startswith(f"melmill.{room}")]
    assert names
    outer = set().union(*map(all_imports, names)) - MODULES.keys()
    tops = {name.split(".")[0] for name in outer} - sys.stdlib_module_names
    assert tops <= {"numpy", "xxhash"}


def test_converting_needs_the_standard_library_alone() -> None:
    names = [name for name in MODULES if name.startswith("melmill._convert")]
    assert len(names) > 10
    found = set().union(*map(imports, names))
    ours = {name for name in found if name.startswith("melmill.")}
    assert ours < set(names)
    tops = {name.split(".")[0] for name in found - ours}
    assert tops <= sys.stdlib_module_names


def test_public_names_are_those_of_public_modules() -> None:
    """As messages, pickles and help() show them."""
    import melmill

    for name in melmill.__all__:
        assert getattr(melmill, name).__module__ == "melmill", name
