"""The targets, by name."""

from featherweight.export import c, coreml, executorch, litert, onnx, openvino, tvm
from featherweight.export.target import Target
from featherweight.validation import check_choice

_TARGETS = {
    target.name: target
    for target in (
        onnx.TARGET,
        openvino.TARGET,
        litert.TARGET,
        executorch.TARGET,
        tvm.TARGET,
        tvm.AARCH64_TARGET,
        coreml.TARGET,
        c.TARGET,
    )
}


def targets() -> tuple[Target, ...]:
    """All targets, installed or not."""
    return tuple(_TARGETS.values())


def find_target(name: str) -> Target:
    """Return the target of this name.

    Raises:
        InvalidArgumentError: there is none.
    """
    check_choice("to", name, _TARGETS)
    return _TARGETS[name]
