"""How the program is called: commands, flags, help, completion, manual page."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from support import (
    REPOSITORY,
    Store,
    extract,
    make_clips,
    manifest_row,
    melmill_path,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

COMMANDS = [
    "extract",
    "validate",
    "info",
    "show",
    "verify",
    "bench",
    "generate",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two clips and a good manifest, train.jsonl."""
    write_manifest(tmp_path / "train.jsonl", make_clips(tmp_path, 2))
    return tmp_path


# What is mistyped.


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            "extrct",
            'melmill has no command "extrct"\n  did you mean extract?',
        ),
        (
            "transmogrify",
            'melmill has no command "transmogrify"\n'
            "  melmill help lists the commands",
        ),
        (
            "extract a.jsonl --ouput out",
            "melmill extract has no flag --ouput\n  did you mean --out?",
        ),
        (
            "extract a.jsonl --out x --frobnicate",
            "melmill extract has no flag --frobnicate\n"
            "  melmill extract --help lists the flags",
        ),
        (
            "extract a.jsonl --output x",
            "melmill extract has no flag --output\n  did you mean --out?",
        ),
        (
            "--verison",
            "melmill has no flag --verison\n  did you mean --version?",
        ),
        ("-v", "melmill has no flag -v\n  did you mean -V?"),
        (
            "extract a.jsonl -o x --language Englsh",
            "--language Englsh: the model has no such language\n"
            "  did you mean English?",
        ),
        (
            "verify a --against-audio 0",
            "--against-audio 0: give a number of rows, such as 100",
        ),
        (
            "verify a --against-audio ten",
            "--against-audio ten: must be a number",
        ),
        (
            "extract a.jsonl --out x --thread 4",
            "melmill extract has no flag --thread\n  did you mean --threads?",
        ),
        (
            "extract a.jsonl --ot=x",
            "melmill extract has no flag --ot\n  did you mean --out?",
        ),
        (
            "extract a.jsonl -x",
            "melmill extract has no flag -x\n"
            "  melmill extract --help lists the flags",
        ),
        (
            "extract a.jsonl",
            "melmill extract: --out is required\n"
            "  melmill extract --help says how",
        ),
        (
            "extract a.jsonl -o x -j two",
            "--threads two: must be a number",
        ),
        ("extract a.jsonl -o", "--out needs a value"),
        ("extract a.jsonl -o x -o y", "--out was given twice"),
        (
            "info a b",
            'melmill info: unexpected argument "b"\n'
            "  melmill info --help says how",
        ),
    ],
)
def test_wrong_words_are_named_with_what_to_type(
    folder: Path, arguments: str, error: str
) -> None:
    run = run_melmill(*arguments.split(), cwd=folder)
    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr == f"error: {error}\n"


def test_the_value_of_a_flag_may_look_like_a_flag(folder: Path) -> None:
    extract(folder / "--x", "train.jsonl", cwd=folder)
    run = run_melmill(
        "validate", "train.jsonl", "--max-rejects", "-1", cwd=folder
    )
    assert "--max-rejects -1" in run.stderr


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[extract]\nthreads = 4\n",
            "c.ini line 1: sections are not read\n"
            "  write each flag on a line of its own: threads = 4",
        ),
        (
            "# a comment\n\nthread = 4\n",
            "c.ini line 3: there is no flag thread\n  did you mean threads?",
        ),
        (
            "threads: 4\n",
            'c.ini line 1: not "flag = value"\n'
            "  write it like this: threads = 4",
        ),
        (
            "no-text = maybe\n",
            "c.ini line 1: --no-text maybe: must be true or false",
        ),
        (
            "threads = 2\nmax-duration = long\n",
            "c.ini line 2: --max-duration long: must be a number",
        ),
        (
            "# later\n; or never\npreset = whispe\n",
            "c.ini line 3: --preset whispe: the presets are qwen3-asr and "
            "whisper\n  did you mean whisper?",
        ),
        (
            "# of Windows\r\n\r\n\tthread\t= 4\r\n",
            "c.ini line 3: there is no flag thread\n  did you mean threads?",
        ),
        ("config = d.ini\n", "c.ini line 1: there is no flag config"),
        (
            'keep = [\n  "a"\n]\n',
            "c.ini line 1: the list does not end on its line\n"
            '  write it like this: keep = ["a", "b"]',
        ),
    ],
)
def test_a_wrong_config_file_is_told_by_line(
    folder: Path, text: str, error: str
) -> None:
    (folder / "c.ini").write_text(text)
    for flags in (["--config", "c.ini"], ["--config=c.ini"]):
        run = run_melmill("validate", "train.jsonl", *flags, cwd=folder)
        assert (run.exit_code, run.stdout) == (2, "")
        assert run.stderr == f"error: {error}\n"


def test_the_command_line_is_not_taken_for_the_config_file(
    folder: Path,
) -> None:
    (folder / "c.ini").write_text("dtype = f16\n")
    for words in (["--dtype", "f17"], ["--dtype=f17"]):
        flags = ["--config", "c.ini", *words]
        run = run_melmill("validate", "train.jsonl", *flags, cwd=folder)
        assert run.exit_code == 2
        assert run.stderr.startswith("error: --dtype f17: ")


def test_the_config_file_in_the_documents_works(folder: Path) -> None:
    text = (REPOSITORY / "docs" / "input.md").read_text()
    (folder / "features.ini").write_text(
        text.split("```ini\n")[1].split("```")[0]
    )
    flags = ["--config", "features.ini", "-o", "store"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=folder)
    assert run.exit_code == 0, run.stderr
    index = Store(folder / "store").index
    assert index["contract"]["n_mels"] == 80
    assert index["contract"]["feature_type"] == "f32"
    assert index["kept_fields"] == ["speaker", "domain"]


# Help.


def test_help_names_the_commands() -> None:
    for arguments in (["--help"], ["-h"], ["help"], ["help", "help"]):
        run = run_melmill(*arguments)
        assert (run.exit_code, run.stderr) == (0, "")
        names = [
            *COMMANDS,
            "certify",
            "convert",
            "pull",
            "push",
            "qwen3-asr",
            "ray",
            "report",
            "stage",
        ]
        assert all(f"\n  {name} " in run.stdout for name in names)
        assert "melmill help COMMAND" in run.stdout


def test_without_arguments_the_help_is_shown() -> None:
    run = run_melmill()
    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr == run_melmill("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_three_spellings(command: str) -> None:
    runs = [
        run_melmill(*arguments)
        for arguments in (
            [command, "--help"],
            [command, "-h"],
            ["help", command],
        )
    ]
    assert {run.exit_code for run in runs} == {0}
    assert {run.stderr for run in runs} == {""}
    assert len({run.stdout for run in runs}) == 1
    assert runs[0].stdout.startswith(f"Usage: melmill {command} ")


def test_help_of_an_unknown_command_is_an_error() -> None:
    for arguments in (["help", "update"], ["update", "--help"]):
        run = run_melmill(*arguments)
        assert (run.exit_code, run.stdout) == (2, "")
        assert 'no command "update"' in run.stderr


def test_version_has_two_spellings() -> None:
    for flag in ("-V", "--version"):
        run = run_melmill(flag)
        assert (run.exit_code, run.stderr) == (0, "")
        assert re.fullmatch(r"melmill \d+\.\d+\.\d+\n", run.stdout)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("command", ["extract", "verify"])
def test_help_fits_the_screen(command: str, columns: int) -> None:
    run = run_melmill(command, "--help", env={"COLUMNS": str(columns)})
    lines = run.stdout.splitlines()
    wide = [
        line
        for line in lines
        if len(line) > min(columns, 100) and not line.startswith("  melmill ")
    ]
    # A name that is longer than the screen cannot be broken.
    assert all(len(line.split()) <= 3 for line in wide), wide
    assert max(map(len, lines)) <= 100


def test_flags_of_extract_are_grouped_and_the_needed_ones_come_first() -> None:
    text = run_melmill("extract", "--help").stdout
    groups = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert groups == [
        "Input",
        "Store",
        "Features",
        "Machine",
        "Messages",
        "Examples",
    ]
    assert re.search(r"^Store:\n  -o, --out FOLDER ", text, re.MULTILINE)
    examples = text[text.index("Examples:") :].splitlines()[1:4]
    assert all(line.startswith("  melmill extract ") for line in examples)


# Spellings.


def test_a_dry_run_is_a_validation(folder: Path) -> None:
    before = sorted(folder.iterdir())
    validated = run_melmill("validate", "train.jsonl", cwd=folder)
    for flag in ("-n", "--dry-run"):
        run = run_melmill(
            "extract", "train.jsonl", "-o", "store", flag, cwd=folder
        )
        assert run.exit_code == 0
        assert sorted(folder.iterdir()) == before
        assert last_words(run.stdout) == last_words(validated.stdout)


def last_words(report: str) -> list[str]:
    """A report without the lines that tell of time and of the disk."""
    return [
        line
        for line in report.splitlines()
        if not line.startswith(("took ", "free "))
    ]


def test_short_flags_stand_for_long_ones(folder: Path) -> None:
    run = run_melmill(
        *["extract", "train.jsonl", "-q", "-j", "1", "-o", "store"], cwd=folder
    )
    assert (run.exit_code, run.text) == (0, "")
    assert run_melmill("verify", folder / "store").exit_code == 0


def test_whisper_large_v3_has_plain_texts_and_clips_of_30_s(
    folder: Path,
) -> None:
    write_wav(folder / "long.wav", noise(31 * 16000))
    rows = [manifest_row("clip00.wav", "hi"), manifest_row("long.wav", "ho")]
    write_manifest(folder / "train.jsonl", rows)
    flags = ["--preset", "openai/whisper-large-v3", "-o", "store"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=folder)
    assert run.exit_code == 0
    assert "warning" not in run.stderr
    store = Store(folder / "store")
    assert store.index["contract"]["n_mels"] == 128
    assert [reject["code"] for reject in store.rejects()] == ["too_long"]
    refused = run_melmill(
        "validate", "train.jsonl", *flags[:2], "--language", "en", cwd=folder
    )
    assert refused.exit_code == 2
    assert "this model takes plain texts" in refused.stderr


def test_help_that_cannot_be_written_is_a_fault() -> None:
    for arguments in ("help", "--version", "extract --help"):
        command = f"{melmill_path()} {arguments} >/dev/full"
        run = subprocess.run(["sh", "-c", command], stderr=-1, check=False)
        assert run.returncode == 4
        assert b"No space left on device" in run.stderr


def test_a_list_that_cannot_be_written_says_so_once(folder: Path) -> None:
    rows = [manifest_row("clip00.wav"), *[manifest_row("gone.wav")] * 9]
    write_manifest(folder / "train.jsonl", rows)
    flags = "--list --max-rejects 100%"
    command = f"{melmill_path()} validate train.jsonl {flags} >/dev/full"
    run = subprocess.run(
        ["sh", "-c", command], cwd=folder, stderr=-1, check=False
    )
    assert run.returncode == 4
    assert run.stderr.count(b"No space left on device") <= 2


# Commands of other programs.


def make_script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_an_unknown_command_runs_a_program_of_that_name(tmp_path: Path) -> None:
    make_script(tmp_path / "melmill-dance", 'echo "$@"; exit 7')
    env = {"PATH": f"/nowhere:{tmp_path}:{os.environ['PATH']}"}
    run = run_melmill("dance", "--json", "a b", env=env)
    assert (run.exit_code, run.stdout, run.stderr) == (7, "--json a b\n", "")
    helped = run_melmill("help", "dance", env=env)
    assert helped.stdout == "--help\n"


def test_own_commands_come_before_programs(tmp_path: Path) -> None:
    make_script(tmp_path / "melmill-info", "exit 7")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run_melmill("info", tmp_path, env=env).exit_code == 2


def test_what_cannot_be_run_is_no_command(tmp_path: Path) -> None:
    (tmp_path / "melmill-dance").write_text("no program")
    (tmp_path / "melmill-song").mkdir()
    env = {"PATH": str(tmp_path)}
    for name in ("dance", "song", "../melmill"):
        run = run_melmill(name, env=env)
        assert run.exit_code == 2
        assert "has no command" in run.stderr


def test_a_command_of_the_python_package_says_how_to_get_it(
    tmp_path: Path,
) -> None:
    for name in ("convert", "qwen3-asr"):
        run = run_melmill(name, "--store", "x", env={"PATH": str(tmp_path)})
        assert (run.exit_code, run.stdout) == (2, "")
        assert f"pip install './python[{name}]'" in run.stderr


# Completion and the manual page.


@pytest.fixture
def completions(tmp_path: Path) -> Path:
    for shell in ("bash", "zsh", "fish"):
        text = run_melmill("generate", shell).stdout
        (tmp_path / f"melmill.{shell}").write_text(text)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "melmill").symlink_to(melmill_path())
    (tmp_path / "data").mkdir()
    for name in ("data.jsonl", "train.jsonl", "two words.jsonl"):
        (tmp_path / name).touch()
    return tmp_path


def bash_completes(folder: Path, line: str) -> set[str]:
    """What bash offers for the last word of a line."""
    script = (
        'source "$1"; read -ra COMP_WORDS <<<"$2"; '
        '[[ $2 == *" " ]] && COMP_WORDS+=(""); '
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _melmill; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", folder / "melmill.bash", line],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.splitlines())


def test_bash_completes(completions: Path) -> None:
    assert {
        *COMMANDS,
        "help",
        "certify",
        "convert",
        "pull",
        "push",
        "qwen3-asr",
        "ray",
        "report",
        "stage",
    } <= bash_completes(completions, "melmill ")
    assert bash_completes(completions, "melmill extract --thr") == {"--threads"}
    assert bash_completes(completions, "melmill extract --dtype ") == {
        "f16",
        "f32",
        "bf16",
        "u8",
    }
    assert bash_completes(completions, "melmill extract -o d") == {"data"}
    # A folder of a checkpoint is a preset, too.
    presets = bash_completes(completions, "melmill extract --preset ")
    assert {"data", "qwen3-asr", "whisper"} <= presets
    assert bash_completes(completions, "melmill extract --language C") == {
        "Cantonese",
        "Chinese",
        "Czech",
    }
    assert bash_completes(completions, "melmill extract t") == {
        "train.jsonl",
        "two words.jsonl",
    }
    assert "verify" in bash_completes(completions, "melmill help v")
    assert "--repair" not in bash_completes(completions, "melmill extract --")


def test_fish_completes(completions: Path) -> None:
    def complete(line: str) -> list[str]:
        script = f'source melmill.fish; complete -C "{line}"'
        done = subprocess.run(
            ["fish", "--no-config", "-c", script],
            cwd=completions,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "HOME": str(completions)},
        )
        assert done.stderr == ""
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    assert {*COMMANDS, "help"} <= set(complete("melmill "))
    assert complete("melmill extract --thr") == ["--threads"]
    assert set(complete("melmill extract --dtype ")) == {
        "f16",
        "f32",
        "bf16",
        "u8",
    }
    assert complete("melmill extract --language It") == ["Italian"]
    assert {"qwen3-asr", "whisper"} <= set(
        complete("melmill extract --preset ")
    )
    assert complete("melmill help ver") == ["verify"]
    for flag in ("--out", "-o"):
        assert complete(f"melmill extract {flag} dat") == ["data/"]


def test_zsh_completes(completions: Path) -> None:
    """In a terminal, since zsh completes nowhere else."""
    controller, terminal = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=completions,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={"PATH": f"{completions}/bin:{os.environ['PATH']}", "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(terminal)
    os.write(
        controller,
        b"autoload -U compinit; compinit -D; source ./melmill.zsh; "
        b"zstyle ':completion:*' list-prompt ''\n"
        b"melmill show \t\x15\n"
        b"melmill extract --preset q\t --language Macedo\t >/dev/null 2>&1\n"
        b"melmill extract train.jsonl two\t >/dev/null 2>&1\n"
        b"melmill help verif\t; melmill info dat\t\n"
        b"melmill extract --io-thr\t 1 >/dev/null 2>&1; print -- END$((1+1))\n"
        b"exit\n",
    )
    shown = b""
    try:
        while chunk := os.read(controller, 65536):
            shown += chunk
    except OSError:  # zsh has closed the terminal
        pass
    os.close(controller)
    assert shell.wait() == 0
    assert b"END2" in shown
    assert b"doubled" not in shown
    for words in (b"--preset qwen3-asr", b"--language Macedonian"):
        assert words in shown, shown.decode(errors="replace")
    for words in (
        b"--io-threads",
        b"train.jsonl two\\ words.jsonl",
        b"help verify",
        b"info data/",
    ):
        assert words in shown, shown.decode(errors="replace")


def test_the_manual_page_has_all_flags_and_no_mistakes(tmp_path: Path) -> None:
    page = tmp_path / "melmill.1"
    page.write_text(run_melmill("generate", "man").stdout)
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou", page],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for command in COMMANDS:
        flags = re.findall(r"--[a-z-]+", run_melmill(command, "-h").stdout)
        assert flags
        missing = [flag for flag in set(flags) if flag not in done.stdout]
        assert missing == []
    assert "Name" in done.stdout or "NAME" in done.stdout
    assert shutil.which("man") is not None
    subprocess.run(["man", "-l", page], capture_output=True, check=True)


def test_what_cannot_be_generated_is_told() -> None:
    run = run_melmill("generate", "csh")
    assert (run.exit_code, run.stdout) == (2, "")
    assert "bash, zsh, fish or man" in run.stderr


# The progress bar.


def run_in_terminal(
    folder: Path, columns: int, *arguments: str, env: dict[str, str]
) -> str:
    """What a terminal of this width gets to show."""
    controller, terminal = pty.openpty()
    size = struct.pack("HHHH", 24, columns, 0, 0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    program = subprocess.Popen(
        [melmill_path(), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", **env},
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(controller, 65536):
            shown += chunk
    except OSError:  # the program has closed the terminal
        pass
    os.close(controller)
    assert program.wait() == 0
    return shown.decode()


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_the_progress_bar_fits_the_terminal(
    tmp_path: Path, columns: int
) -> None:
    # Long enough for the bar to be drawn some times, whatever the machine.
    write_wav(tmp_path / "long.wav", noise(96000 * 60), rate=96000)
    rows = [manifest_row("long.wav")] * 40
    write_manifest(tmp_path / "train.jsonl", [*rows, manifest_row("gone.wav")])
    arguments = ["extract", "train.jsonl", "--out", "store", "-j", "1"]
    shown = run_in_terminal(
        tmp_path, columns, *arguments, "--simd", "none", env={"NO_COLOR": "1"}
    )
    drawn = re.findall(r"\r\x1b\[K(\[[^\r\n]*)", shown)
    assert drawn
    assert max(map(len, drawn)) < columns
    assert all(re.match(r"\[=*>? *\]", line) for line in drawn)
    if columns == 200:
        assert re.search(r"\d+ of 40 rows .* 1 rejected .* left", drawn[-1])
    assert "\r\x1b[K" in shown[shown.rindex(drawn[-1]) :]


@pytest.mark.parametrize(
    ("flags", "env", "has_color"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_warnings_are_coloured_by_the_conventions(
    folder: Path, flags: list[str], env: dict[str, str], has_color: bool
) -> None:
    write_manifest(folder / "train.jsonl", [manifest_row("clip00.wav", "x")])
    shown = run_in_terminal(
        folder, 80, "extract", "train.jsonl", "-o", "store", *flags, env=env
    )
    assert "1 text without" in shown
    assert ("\x1b[1;33mwarning:\x1b[0m" in shown) == has_color


def test_colour_is_not_written_to_files(folder: Path) -> None:
    run = run_melmill("extract", "gone.jsonl", "-o", "store", cwd=folder)
    assert run.stderr.startswith("error: ")
    run = run_melmill("info", "gone", "--color", "always", cwd=folder)
    assert run.stderr.startswith("\x1b[1;31merror:\x1b[0m ")
    run = run_melmill("info", "gone", "--color", "maybe", cwd=folder)
    assert run.stderr == "error: --color maybe: write auto, always or never\n"
