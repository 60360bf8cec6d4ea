"""The schemes of one bit: what each makes of a layer, and how it is trained."""

from dataclasses import dataclass
from typing import Literal

from featherweight.errors import InvalidArgumentError
from featherweight.functional.binarize import Surrogate

SchemeName = Literal["binary-connect", "bwn", "xnor", "bi-real", "reactnet"]


@dataclass(frozen=True)
class Scheme:
    """One way to make a layer binary."""

    name: SchemeName
    title: str
    source: str
    unit: Literal["layer", "xnor", "bi-real"]
    """What stands in the layer's place: the binary layer alone, or with its norm and shortcut."""
    binary_input: bool = False
    scale_map: bool = False
    surrogate: Surrogate = "clip"
    learned_shift: bool = False
    has_two_stages: bool = False
    """Binary inputs first, binary weights second, with a real network as the teacher."""

    @property
    def is_trained_in_place(self) -> bool:
        """Whether the ordinary layers are trained, under BinaryConnect, and swapped after."""
        return self.name == "binary-connect"


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("binary-connect", "BinaryConnect", "arXiv 1511.00363", "layer"),
        Scheme("bwn", "Binary-Weight-Network", "arXiv 1603.05279", "layer"),
        Scheme(
            "xnor", "XNOR-Net", "arXiv 1603.05279", "xnor", binary_input=True, scale_map=True
        ),
        Scheme(
            "bi-real", "Bi-Real Net", "arXiv 1808.00278", "bi-real", binary_input=True,
            surrogate="polynomial", has_two_stages=True,
        ),
        Scheme(
            "reactnet", "ReActNet", "arXiv 2003.03488", "bi-real", binary_input=True,
            surrogate="polynomial", learned_shift=True, has_two_stages=True,
        ),
    )
}  # fmt: skip


def find_scheme(name: str) -> Scheme:
    """The scheme of this name.

    Raises:
        InvalidArgumentError: there is none.
    """
    for scheme in SCHEMES.values():
        if scheme.name == name:
            return scheme
    raise InvalidArgumentError(
        f"`scheme` must be one of {', '.join(SCHEMES)}, but got scheme={name!r}."
    )
