"""A sheet into PDF by typst, as a program of its own: `typesetting.py DAY large|small < sheet.json > report.pdf`.

typst keeps what it has laid out for the documents to come, hundreds of megabytes of a large record that no other
report has a use for. Here they end with the process. Nothing of ours is imported, for it to be small.

Standard error is for what it tells on purpose: what typst quotes of the document is left out, and what a library
writes by itself goes nowhere, since it could be from the document too.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

HERE = Path(__file__).parent
QUOTED = re.compile(r'".*"|`.*`|\'.*\'', re.DOTALL)
REFUSED = 3
"""Exit code: typst did not make the PDF; standard error says why."""


def typeset(sheet: str, day: date, large: bool) -> tuple[bytes, list[str]]:
    """The PDF, created at midnight UTC of the day, and what typst warns of. Raises typst.TypstError."""
    import typst

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(HERE / "fonts")])
    compiler = typst.Compiler(
        HERE / "report.typ",
        root=HERE,
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs={"sheet": sheet, "created": day.isoformat(), "large": "yes" if large else ""},
    )
    made = datetime(day.year, day.month, day.day, tzinfo=UTC)
    pdf, warnings = compiler.compile_with_warnings(
        format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=int(made.timestamp())
    )
    return cast(bytes, pdf), [told(warning) for warning in warnings]  # a PDF is one file; only pictures are a list


def told(error: BaseException) -> str:
    """What happened, in a line, without what is quoted of the document."""
    said = " ".join(QUOTED.sub("…", str(getattr(error, "message", error))).split())
    return f"{type(error).__name__}: {said}"


def main() -> int:
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as channel, Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            sheet = sys.stdin.buffer.read().decode("utf-8")
            pdf, warnings = typeset(sheet, date.fromisoformat(sys.argv[1]), sys.argv[2] == "large")
        except BaseException as error:  # noqa: BLE001 - told; a panic of the library is no Exception
            channel.write(f"{told(error)}\n")
            return REFUSED
        channel.writelines(f"{warning}\n" for warning in warnings)
        sys.stdout.buffer.write(pdf)
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
