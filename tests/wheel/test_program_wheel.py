"""The wheel with the program holds all that it needs, and says what it is."""

import base64
import csv
import hashlib
import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest
from installed import Wheels, expected_files, extract, run_command
from support import REPOSITORY, Store, melmill_path

pytest_plugins = ["wheel_fixtures"]

PLATFORM = "manylinux_2_34_x86_64"
OF_THE_SYSTEM = {
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
}


def the_program(unpacked: Path) -> Path:
    return next(unpacked.glob("*.data/scripts/melmill"))


def libraries(unpacked: Path) -> list[Path]:
    return sorted(unpacked.glob("*.data/data/libexec/melmill/*"))


def info_folder(unpacked: Path) -> Path:
    return next(unpacked.glob("*.dist-info"))


def python_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.py")
    }


def test_auditwheel_agrees_with_the_platform(wheels: Wheels) -> None:
    assert wheels.program.name.endswith(f"-py3-none-{PLATFORM}.whl")
    auditwheel = REPOSITORY / "build" / "wheel-venv" / "bin" / "auditwheel"
    verdict = run_command(auditwheel, "show", wheels.program).stdout
    assert f'platform tag: "{PLATFORM}"' in " ".join(verdict.split())


def test_both_wheels_have_the_same_reader(
    wheels: Wheels, unpacked: Path, tmp_path: Path
) -> None:
    run_command(sys.executable, "-m", "zipfile", "-e", wheels.reader, tmp_path)
    assert python_files(tmp_path) == python_files(unpacked)
    assert info_folder(tmp_path).name == info_folder(unpacked).name
    assert not list(tmp_path.glob("*.data"))


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        ("manylinux_2_34_x86_64", "program"),
        ("manylinux_2_39_x86_64", "program"),
        ("manylinux_2_28_x86_64", "reader"),
        ("manylinux_2_34_aarch64", "reader"),
        ("musllinux_1_2_x86_64", "reader"),
        ("macosx_14_0_arm64", "reader"),
        ("win_amd64", "reader"),
    ],
)
def test_pip_takes_the_wheel_that_fits(
    wheels: Wheels, tmp_path: Path, platform: str, wanted: str
) -> None:
    # pip itself knows that a platform also takes wheels of older ones.
    minor = int((re.findall(r"manylinux_2_(\d+)_", platform) or ["0"])[0])
    platforms = [platform]
    if minor:
        platforms = [
            platform.replace(f"_2_{minor}_", f"_2_{older}_")
            for older in range(minor, 16, -1)
        ]
    run_command(
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-index"),
        *("--only-binary", ":all:", "--find-links", wheels.folder),
        *(word for name in platforms for word in ("--platform", name)),
        *("--dest", tmp_path, "melmill"),
        env={"PIP_FIND_LINKS": ""},
    )
    (taken,) = tmp_path.iterdir()
    assert taken.name == getattr(wheels, wanted).name


def test_what_is_needed_is_inside_or_of_the_system(unpacked: Path) -> None:
    names = {path.name for path in libraries(unpacked)}
    needed: set[str] = set()
    for path in [the_program(unpacked), *libraries(unpacked)]:
        header = run_command("readelf", "--dynamic", path).stdout
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", header))
    assert needed - OF_THE_SYSTEM == names


def test_fftw_is_not_inside(unpacked: Path) -> None:
    for path in [the_program(unpacked), *libraries(unpacked)]:
        data = path.read_bytes()
        # Its version, its library's name and its functions.
        for name in (b"fftw-3", b"libfftw", b"fftw_", b"fftwf_"):
            assert name not in data, (path.name, name)


def test_licences_of_all_parts_are_inside(unpacked: Path) -> None:
    licenses = info_folder(unpacked) / "licenses"
    text = (licenses / "LICENSES-BUNDLED.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ][1:]
    shared = {
        name for name, *_, linked, _ in rows if linked != "inside melmill"
    }
    assert shared == {path.name for path in libraries(unpacked)}
    assert {name for name, *_ in rows} - shared == {
        *("libaec", "libcli11", "libhdf5", "nlohmann-json3", "zlib1g")
    }
    for _, _, license, _, notices in rows:
        notice = (licenses / notices).read_text()
        assert "copyright" in notice.lower(), notices
        for name in re.findall(r"common-licenses/(L?GPL-[\d.]+\d)", notice):
            known = {"GPL-2": "GPL-3", "LGPL-3": "GPL-3"}.get(name, name)
            assert (licenses / f"{known}.txt").exists(), (notices, name)
        if license.startswith("GPL"):
            assert license.endswith("WITH GCC-exception-3.1")
            assert "GCC RUNTIME LIBRARY EXCEPTION" in notice.upper()


def test_the_metadata_name_every_licence(unpacked: Path) -> None:
    info = info_folder(unpacked)
    metadata = Parser().parsestr((info / "METADATA").read_text())
    files = set(metadata.get_all("License-File", []))
    assert files == {path.name for path in (info / "licenses").iterdir()}
    text = (info / "licenses" / "LICENSES-BUNDLED.md").read_text()
    expression = str(metadata["License-Expression"]).split(" AND ")
    assert expression[0] == "Apache-2.0"
    cells = [line.split(" | ") for line in text.splitlines()]
    assert set(expression) - {"Apache-2.0"} == {
        row[2] for row in cells[1:] if len(row) == 5 and row[2] != "licence"
    } - {"Apache-2.0"}


def test_the_record_has_every_file(unpacked: Path) -> None:
    record = info_folder(unpacked) / "RECORD"
    listed = {}
    with record.open() as lines:
        for name, digest, _ in csv.reader(lines):
            listed[name] = digest
    files = [path for path in unpacked.rglob("*") if path.is_file()]
    assert {
        path.relative_to(unpacked).as_posix() for path in files
    } == listed.keys()
    for path in files:
        if path == record:
            continue
        found = hashlib.sha256(path.read_bytes()).digest()
        encoded = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
        name = path.relative_to(unpacked).as_posix()
        assert listed[name] == f"sha256={encoded}", name


def test_the_manual_and_the_completion_scripts_are_inside(
    unpacked: Path,
) -> None:
    data = next(unpacked.glob("*.data/data"))
    for what, file in (
        ("man", "man/man1/melmill.1"),
        ("bash", "bash-completion/completions/melmill"),
        ("zsh", "zsh/site-functions/_melmill"),
        ("fish", "fish/vendor_completions.d/melmill.fish"),
    ):
        expected = run_command(melmill_path(), "generate", what).stdout
        assert (data / "share" / file).read_text() == expected


def test_every_symbol_of_a_library_is_found(unpacked: Path) -> None:
    run_command(*(the_program(unpacked), "--version"), env={"LD_BIND_NOW": "1"})


def test_the_vector_code_makes_the_bytes_of_the_source_build(
    unpacked: Path, manifest: Path, tmp_path: Path
) -> None:
    made = extract(the_program(unpacked), manifest, tmp_path / "store")
    assert made == expected_files(manifest, tmp_path)


def test_without_vector_code_features_are_fftws_but_for_the_last_bit(
    unpacked: Path, manifest: Path, tmp_path: Path
) -> None:
    flags = ("--simd", "none", "--resampler", "soxr", "--dtype", "f32")
    made = extract(the_program(unpacked), manifest, tmp_path / "store", *flags)
    expected = expected_files(manifest, tmp_path, *flags)
    assert b'"log_mel": "plain 1 float64' in made["store.json"]
    assert b'"log_mel": "fftw-' in expected["store.json"]
    rows = zip(
        Store(tmp_path / "store").rows(),
        Store(tmp_path / "expected").rows(),
        strict=True,
    )
    for ours, fftws in rows:
        np.testing.assert_allclose(
            ours.features, fftws.features, rtol=0, atol=3e-7
        )


def test_a_store_of_fftw_is_not_continued_without_it(
    unpacked: Path, manifest: Path, tmp_path: Path
) -> None:
    flags = ("--simd", "none", "--resampler", "soxr")
    expected_files(manifest, tmp_path, *flags)
    run = subprocess.run(
        [
            *(the_program(unpacked), "extract", manifest),
            *("--out", tmp_path / "expected", *flags),
        ],
        cwd=manifest.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "fftw-" in run.stderr
    assert "plain 1 float64" in run.stderr
