"""What the documents say is what the program does."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import markdown
import numpy as np
import pytest
import reference
from support import (
    REPOSITORY,
    FloatArray,
    extract,
    manifest_row,
    max_difference,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "bench/studies", "python")
    for path in (REPOSITORY / folder).glob("*.md")
)
TEXT = "language French<asr_text>ça va ?"


def quiet_with_click_at_the_end() -> FloatArray:
    """A clip whose own floor lies above that of its body."""
    samples = noise(16_000, seed=1, level=1e-5)
    samples[-100:] = noise(100, seed=2, level=0.5)
    return samples


@pytest.fixture(scope="module", params=["f16", "f32", "bf16", "u8"])
def folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the store features/ that docs/format.md speaks of."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "clips").mkdir()
    click = quiet_with_click_at_the_end()
    write_wav(folder / "clips/a.wav", click, subtype="FLOAT")
    write_wav(folder / "clips/b.wav", noise(9_000, seed=3))
    rows = [
        manifest_row("clips/a.wav", TEXT),
        manifest_row("clips/b.wav"),
        manifest_row("clips/a.wav"),
        manifest_row("clips/b.wav"),
    ]
    write_manifest(folder / "train.jsonl", rows)
    dtype = ("--dtype", request.param)
    extract(folder / "features", "train.jsonl", *dtype, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def example(folder: Path) -> dict[str, Any]:
    """The variables after all code of docs/format.md ran in that folder."""
    variables: dict[str, Any] = {}
    blocks = markdown.code_blocks("format.md")
    assert len(blocks) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number, block in enumerate(blocks):
            exec(compile(block, f"format.md block {number}", "exec"), variables)
            if number == 0:
                variables["features_read"] = variables["features"]
    if variables["contract"]["feature_type"] == "u8":
        variables["features_read"] = variables["features"]
    return variables


def test_example_reads_the_extractors_features(
    folder: Path, example: dict[str, Any]
) -> None:
    samples = reference.load(folder / "clips/a.wav")
    expected = reference.single(samples)
    kind, rounding = {
        "f16": (np.float16, 2.0**-11),
        "f32": (np.float32, 0),
        "bf16": (np.float32, 2.0**-8),
        "u8": (np.float32, 0.003923),
    }[example["contract"]["feature_type"]]
    assert example["features_read"].dtype == kind
    difference = max_difference(example["features_read"], expected)
    assert difference <= rounding + 1e-4
    assert example["text"] == TEXT


def test_example_needs_its_floor(folder: Path, example: dict[str, Any]) -> None:
    """Or the test above would not see it missing."""
    as_stored = example["as_stored"]
    assert max_difference(as_stored, example["features_read"]) > 0.01


def test_example_maps_what_it_reads(example: dict[str, Any]) -> None:
    np.testing.assert_array_equal(example["features"], example["features_read"])


def test_example_finds_every_row_of_an_audio_string(
    example: dict[str, Any],
) -> None:
    assert example["wanted"] == "clips/b.wav"
    assert example["rows"] == [1, 3]


def error_codes() -> list[list[str]]:
    """Number, name and stage of every code, from io/reject_code.h and .cc."""
    header = (REPOSITORY / "io/reject_code.h").read_text()
    source = (REPOSITORY / "io/reject_code.cc").read_text()
    numbers = dict(re.findall(r"^  k(\w+) = (\d+),", header, re.MULTILINE))
    names = dict(re.findall(r'RejectCode::k(\w+):\n\s+return "(\w+)"', source))
    limits = [
        (int(limit), name)
        for limit, name in re.findall(
            r'number < (\d+)\) return "(\w+)"', source
        )
    ]
    assert numbers.keys() == names.keys()

    def stage(number: int) -> str:
        return next((name for n, name in limits if number < n), "decode")

    return [
        [number, names[code], stage(int(number))]
        for code, number in numbers.items()
        if code != "None"
    ]


def test_reject_codes_are_the_programs() -> None:
    section = markdown.sections("format.md")["Reject codes"]
    header = "| number | code | stage | meaning |"
    documented = [row[:3] for row in markdown.table(section, header)]
    assert len(documented) > 30
    assert documented == error_codes()


def test_reject_codes_of_the_input_exist() -> None:
    text = (REPOSITORY / "docs/input.md").read_text()
    used = set(re.findall(r"rejected: `(\w+)`", text))
    assert len(used) > 10
    assert used <= {name for _, name, _ in error_codes()}


def exit_codes() -> set[int]:
    """All that the program returns, with those of SIGINT and SIGTERM."""
    header = (REPOSITORY / "tools/melmill/exit_code.h").read_text()
    codes = {int(code) for code in re.findall(r"kExit\w+ = (\d+)", header)}
    signal_base = max(codes)
    return (codes - {signal_base}) | {signal_base + 2, signal_base + 15}


def test_exit_codes_are_the_programs() -> None:
    section = markdown.sections("format.md")["Exit codes"]
    rows = markdown.table(section, "| code | commands | meaning |")
    documented = {int(code) for row in rows for code in row[0].split(",")}
    assert documented == exit_codes()


def troubleshooting(section: str, header: str) -> list[list[str]]:
    sections = markdown.sections("troubleshooting.md")
    return markdown.table(sections[section], header)


def test_troubleshooting_has_every_exit_code() -> None:
    header = "| code | what happened | what to do |"
    rows = troubleshooting("Exit codes", header)
    assert {int(row[0]) for row in rows} == exit_codes()


@pytest.mark.parametrize(
    ("stage", "section"),
    [
        ("manifest", "The manifest line"),
        ("open", "The path"),
        ("header", "The header"),
        ("decode", "The samples"),
    ],
)
def test_troubleshooting_has_every_reject_code(
    stage: str, section: str
) -> None:
    rows = troubleshooting(section, "| code | cause | fix |")
    expected = [
        name for _, name, of_stage in error_codes() if of_stage == stage
    ]
    assert [row[0] for row in rows] == expected


def test_troubleshooting_has_the_codes_of_every_stage() -> None:
    stages = {stage for _, _, stage in error_codes()}
    assert stages == {"manifest", "open", "header", "decode"}


def test_troubleshooting_has_every_warning() -> None:
    names = re.findall(r'Warning::k\w+:\s+return "(\w+)";', program_text())
    assert len(names) > 5
    rows = troubleshooting("Warnings", "| warning | meaning | fix |")
    assert [row[0] for row in rows] == names


def test_troubleshooting_has_every_exception() -> None:
    (source,) = (REPOSITORY / "python/melmill").rglob("errors.py")
    classes = re.findall(r"^class (\w+)\(", source.read_text(), re.MULTILINE)
    rows = troubleshooting("Reading a store", "| exception | cause | fix |")
    assert sorted(["StoreError", *[row[0] for row in rows]]) == sorted(classes)
    rows = troubleshooting("Making a store", "| exception | cause | fix |")
    assert [row[0] for row in rows] == ["ExtractError", "TooManyRejectsError"]


def program_text() -> str:
    """The C++ sources; literals in several parts are joined."""
    text = "".join(
        path.read_text()
        for folder in ("dsp", "io", "store", "pipeline", "bench", "tools")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.suffix in (".c", ".cc", ".h")
    )
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def extract_text() -> str:
    """What melmill.extract says itself; literals in parts are joined."""
    text = "".join(
        path.read_text()
        for path in sorted(
            (REPOSITORY / "python/melmill/_extract").glob("*.py")
        )
    )
    return re.sub(r'"\s*\n\s*f?"', "", text)


def documented_messages(title: str) -> list[str]:
    """What troubleshooting.md quotes: … stands for a name or a number."""
    text = (REPOSITORY / "docs/troubleshooting.md").read_text()
    cells = [
        row.split(" | ")[0]
        for table in text.split(f"| {title} | cause | fix |\n")[1:]
        for row in table.partition("\n\n")[0].splitlines()[1:]
    ]
    return [code for cell in cells for code in re.findall("`([^`]+)`", cell)]


def test_messages_in_troubleshooting_are_the_programs() -> None:
    messages = documented_messages("message")
    assert len(messages) > 50
    of_the_system = {os.strerror(number) for number in range(1, 134)}
    assert not unknown(set(messages) - of_the_system, program_text())


def test_messages_of_extract_in_troubleshooting_are_its_own() -> None:
    messages = documented_messages("message of melmill.extract")
    assert len(messages) > 8
    assert not unknown(messages, extract_text())


def unknown(messages: Iterable[str], known: str) -> list[str]:
    """The messages that a program with this text cannot give."""
    return [
        message
        for message in messages
        if not all(part.strip() in known for part in message.split("…"))
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = path.parent / name if name else path
        assert linked.exists(), target
        if not anchor:  # also pictures
            continue
        headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
        anchors = [
            re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
            for heading in headings
        ]
        assert anchor in anchors, target


def prose(path: Path) -> list[tuple[int, str]]:
    """Numbered lines of a document that are neither table nor code."""
    lines = []
    is_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("```"):
            is_code = not is_code
        elif not is_code and not line.startswith(("|", "    ")):
            lines.append((number, line))
    return lines


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_lines_have_at_most_80_columns(path: Path) -> None:
    assert not [(n, line) for n, line in prose(path) if len(line) > 80]


FOLDERS = "dsp|io|store|pipeline|bench|tools|python|tests|docs|examples|cmake"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_paths_in_the_documents_exist(path: Path) -> None:
    pattern = rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]*[\w*]"
    missing = [
        name
        for name in re.findall(pattern, path.read_text())
        if not any(REPOSITORY.glob(name))
    ]
    assert not missing


def test_contributing_names_paths() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    assert len(re.findall(rf"`(?:{FOLDERS})/", text)) > 40


SCRIPTS = (
    "tests/package/store_mutations.py",
    "tools/coverage",
    "tools/fuzz",
    "examples/slurm/parts.sbatch",
    "examples/finetune_qwen3_asr.py",
    "tools/build_wheel",
    "tools/soak",
    "python/melmill/_certify/certify_command.py",
    "python/melmill/_ray/ray_command.py",
    "python/melmill/_stage/stage_command.py",
    "python/melmill/_transfer/pull_command.py",
    "python/melmill/_transfer/push_command.py",
    "python/melmill/convert.py",
    "python/melmill/qwen3_asr.py",
    "tests/package/upstream_training.py",
)
COMMANDS = (
    "extract",
    "validate",
    "plan",
    "finish",
    "info",
    "show",
    "verify",
    "bench",
)
OTHERS = (
    *("cmake", "docker", "ldd", "ray job submit", "sbatch", "tools/test"),
    "torchrun",
)


def test_flags_in_the_documents_exist() -> None:
    known = "".join(run_melmill(name, "--help").stdout for name in COMMANDS)
    # Of scripts, some of which need packages of their own.
    scripts = [REPOSITORY / script for script in SCRIPTS]
    for script in [*scripts, *(REPOSITORY / "bench" / "studies").glob("*.py")]:
        known += script.read_text()
    used = {
        flag
        for path in DOCUMENTS
        for line in path.read_text().splitlines()
        if not any(program in line for program in OTHERS)
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z_-]+", line)
    }
    assert "--update" in used
    missing = [
        flag for flag in sorted(used) if not re.search(rf"{flag}\b", known)
    ]
    assert not missing


def masked(text: str) -> list[str]:
    """The lines of a run's output, with 0 for what differs between runs.

    What limited the speed may be named in any words.
    """
    lines = [line for line in text.splitlines() if "bottleneck" not in line]
    lines = [line for line in lines if "-bound" not in line]
    varying = r"(?<=took ).* of it|[\d,]+(?= x real)|[\d.]+ GB(?= free)"
    return [re.sub(varying, "0", line) for line in lines]


def test_the_session_in_the_readme_is_the_programs(
    quickstart_manifests: Path,
) -> None:
    session = (REPOSITORY / "README.md").read_text().split("    $ ")[1]
    command, *shown = session.split("\n\n")[0].splitlines()
    program, *arguments = command.split()
    assert program == "melmill"
    run = run_melmill(*arguments, cwd=quickstart_manifests)
    shutil.rmtree(quickstart_manifests / "features")
    assert run.exit_code == 0
    output = [line.removeprefix("    ") for line in shown]
    assert masked("\n".join(output)) == masked(run.text)
