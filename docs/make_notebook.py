"""Make docs/tutorial.ipynb from docs/tutorial.md: `python docs/make_notebook.py`.

Text becomes Markdown cells; a block that begins with a file's name is written to that file; other
commands are run by bash. A test compares the two, so they cannot differ.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """Text of the page, or a block of code; `file` is what a block of code is saved as."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name in the first line of a block that is to be saved."""
        named = _FILE.match(self.text)
        return named[1] if named and self.language != "sh" else None


def blocks(page: str) -> Iterator[Block]:
    """The page in its order; the language of text is empty."""
    end = 0
    for match in _BLOCK.finditer(page):
        yield Block("", page[end : match.start()])
        yield Block(match[1], match[2])
        end = match.end()
    yield Block("", page[end:])


def notebook(page: str) -> str:
    """The notebook as JSON."""
    cells = [
        _cell(number, block) for number, block in enumerate(blocks(page)) if block.text.strip()
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1) + "\n"


def _cell(number: int, block: Block) -> dict[str, object]:
    head = {"id": f"cell-{number}", "metadata": {}}
    if not block.language:
        return {"cell_type": "markdown", **head, "source": _lines(block.text)}
    magic = f"%%writefile {block.file}\n" if block.file else "%%bash\nset -e\n"
    code = {"execution_count": None, "outputs": [], "source": _lines(magic + block.text)}
    return {"cell_type": "code", **head, **code}


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)


if __name__ == "__main__":
    page = (FOLDER / "tutorial.md").read_text(encoding="utf-8")
    (FOLDER / "tutorial.ipynb").write_text(notebook(page), encoding="utf-8")
