"""Reads the documents, so that tests can hold them against the program."""

from support import REPOSITORY


def sections(document: str) -> dict[str, str]:
    """The text of each section of a file in docs/, by its heading."""
    text = (REPOSITORY / "docs" / document).read_text(encoding="utf-8")
    result: dict[str, str] = {}
    heading = ""
    is_code = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_code = not is_code
        if line.startswith("#") and not is_code:
            heading = line.lstrip("# ")
            assert heading not in result, f"two sections {heading}"
        result[heading] = result.get(heading, "") + line + "\n"
    return result


def table(section: str, header: str) -> list[list[str]]:
    """The cells of the table with that header line, without backticks."""
    lines = iter(section.splitlines())
    rows = []
    for line in lines:
        if line == header:
            next(lines)
            break
    else:
        raise AssertionError(f"no table {header}")
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([c.strip().strip("`") for c in line.split("|")[1:-1]])
    return rows


def code_blocks(document: str) -> list[str]:
    """The Python code blocks of a file in docs/, in order."""
    text = (REPOSITORY / "docs" / document).read_text(encoding="utf-8")
    return [
        block.partition("```")[0] for block in text.split("```python\n")[1:]
    ]
