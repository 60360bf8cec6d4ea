"""Who takes part in the race: our runtime, torch, and the targets of `export` that run here."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from featherweight import __version__
from featherweight.errors import InvalidArgumentError
from featherweight.export import Target, find_target
from featherweight.extras import install_hint


@dataclass(frozen=True)
class Backend:
    """One runtime."""

    name: str
    title: str
    peer: str
    """The file of `peers` that runs it."""
    modules: tuple[str, ...]
    """Imported before memory and the time of loading are counted."""
    target: Target | None = None
    """What its file is exported by; None: it takes the `.fwt` file."""

    def hint(self) -> str | None:
        """What to install, or None if all is there."""
        missing = self.target.missing() if self.target else None
        if missing is None or self.target is None:
            return None
        return install_hint(missing, self.target.extra)

    def version(self) -> str:
        """Version of the runtime's package, or an empty text if it is not installed."""
        if self.target is None:
            return __version__ if self.name == "native" else str(torch.__version__)
        return self.target.versions().get(self.target.runs_on, "")

    @property
    def suffix(self) -> str:
        """Ending of the file that it runs."""
        return self.target.suffix if self.target else ".fwt"


def _of(name: str, peer: str, modules: tuple[str, ...], target_name: str) -> Backend:
    target = find_target(target_name)
    return Backend(name, target.title, peer, modules, target)


_BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("native", "featherweight", "native", ()),
        Backend("torch", "torch eager", "torch_eager", ("torch._dynamo", "onnx_ir")),
        Backend("torch-compile", "torch.compile", "torch_compile", ("torch._inductor.compile_fx",)),
        _of("onnxruntime", "onnxruntime", ("onnxruntime",), "onnx"),
        _of("litert", "litert", ("ai_edge_litert.interpreter",), "litert"),
        _of(
            "executorch", "executorch",
            ("executorch.runtime", "executorch.extension.pybindings.portable_lib"), "executorch",
        ),
        _of("tvm", "tvm", ("tvm.relax",), "tvm"),
        _of("openvino", "openvino", ("openvino",), "openvino"),
    )
}  # fmt: skip


def backend_names() -> tuple[str, ...]:
    """All backends by name, installed or not."""
    return tuple(_BACKENDS)


def find_backend(name: str) -> Backend:
    """Return the backend of this name.

    Raises:
        InvalidArgumentError: there is none.
    """
    if name not in _BACKENDS:
        raise InvalidArgumentError(
            f"`backends` must be all, or some of {', '.join(_BACKENDS)}, but got {name!r}."
        )
    return _BACKENDS[name]


def find_backends(names: str | Sequence[str]) -> tuple[Backend, ...]:
    """Return the backends of ``"all"``, of names joined by commas, or of a list of names.

    Raises:
        InvalidArgumentError: there is no such backend.
    """
    if isinstance(names, str):
        names = backend_names() if names == "all" else names.split(",")
    return tuple(find_backend(name.strip()) for name in names)
