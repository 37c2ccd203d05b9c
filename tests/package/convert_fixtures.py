"""The fixture that runs melmill convert."""

from pathlib import Path

import pytest
from converting import Convert, Converted, json_lines
from melmill.convert import main


@pytest.fixture
def convert(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Convert:
    """Runs melmill convert in the folder of the test, to out.jsonl."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, out: str = "out.jsonl") -> Converted:
        positional = [str(argument) for argument in arguments]
        at = next(
            (n for n, word in enumerate(positional) if word.startswith("--")),
            len(positional),
        )
        code = main([*positional[:at], out, *positional[at:]])
        output = capsys.readouterr()
        assert not list(tmp_path.glob(".*")), "a temporary file is left"
        return Converted(
            code,
            output.out,
            output.err,
            json_lines(Path(out)),
            json_lines(Path(f"{out}.rejects")),
        )

    return run
