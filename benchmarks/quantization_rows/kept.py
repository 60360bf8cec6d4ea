"""Results that took long, kept as JSON: what is there is read, what is missing is computed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "results" / "quantization"


def kept(name: str, make: Callable[[], dict[str, Any]] | None) -> dict[str, Any] | None:
    """The result `name`; without `make` only what is there already."""
    file = KEPT / f"{name}.json"
    if file.exists():
        return json.loads(file.read_text())  # type: ignore[no-any-return]
    if make is None:
        return None
    result = make()
    KEPT.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    partial.replace(file)
    return result
