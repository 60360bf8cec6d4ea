"""What a search maximises, of accuracy, latency and size.

- `accuracy`: top-1 in percent.
- `mnasnet`: top-1 * (latency / target)^w, w = -0.07 (Tan et al. 2018, arXiv 1807.11626, eq. 2).
- `constraint`: top-1 where latency <= target; else -latency / target, and no training is spent.

A limit on the file's size goes with each of them: what is larger has the reward -bytes / limit.
"""

from dataclasses import dataclass
from typing import Literal

from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_range

SURE = 1.25
"""How far a predicted size may be off (tests/search/test_compressed.py)."""


@dataclass(frozen=True)
class Reward:
    """One of the rewards above, and what it needs.

    Raises:
        InvalidArgumentError: a latency is to be kept, but no positive target is given; or a file
            is to have less than a byte.
    """

    kind: Literal["accuracy", "mnasnet", "constraint"] = "accuracy"
    target_ms: float | None = None
    exponent: float = -0.07
    max_file_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.kind != "accuracy" and not (self.target_ms and self.target_ms > 0):
            raise InvalidArgumentError(
                f"reward {self.kind!r} needs a latency greater than 0 ms, "
                f"but got target_ms={self.target_ms}."
            )
        if self.max_file_bytes is not None:
            check_range("max_file_bytes", self.max_file_bytes, 1, 1 << 40)

    def refused(self, latency_ms: float | None, file_bytes: int) -> float | None:
        """The reward of an architecture that need not be trained; None if it must.

        Both are predictions; a file may come out as much as `SURE` times the limit by them.
        """
        if self.max_file_bytes is not None and file_bytes > SURE * self.max_file_bytes:
            return -file_bytes / self.max_file_bytes
        if self.kind != "constraint" or latency_ms is None or self.target_ms is None:
            return None
        return None if latency_ms <= self.target_ms else -latency_ms / self.target_ms

    def __call__(self, top1: float, latency_ms: float | None, file_bytes: int) -> float:
        """The reward of a trained architecture."""
        if self.max_file_bytes is not None and file_bytes > self.max_file_bytes:
            return -file_bytes / self.max_file_bytes
        if self.kind == "mnasnet" and latency_ms is not None and self.target_ms is not None:
            return float(top1 * (latency_ms / self.target_ms) ** self.exponent)
        return top1
