"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

from common.statistics_of_runs import Spread

TIMES = "\N{MULTIPLICATION SIGN}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("|---|" + "---:|" * (len(header) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def show_ratio(value: Spread | None) -> str:
    if value is None:
        return ""
    return f"{value.median:.2f}{TIMES} ({value.low:.2f}-{value.high:.2f})"
