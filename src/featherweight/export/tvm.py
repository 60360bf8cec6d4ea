"""TVM: a shared library that its Relax virtual machine runs, compiled by LLVM.

The network goes in as `torch.export` traces it. An 8-bit network goes in with its roundings
written out, so that what is compiled computes our integers, in float32. Nothing is tuned: without
tuning TVM's convolutions are plain loops (docs/export.md).
"""

from pathlib import Path
from typing import Any

from featherweight.errors import ExportError, InvalidArgumentError
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.export.traced import traced
from featherweight.extras import require
from featherweight.peers.quietly import quietly
from featherweight.peers.tvm import open_file

CROSS_COMPILER = "aarch64-linux-gnu-g++"
_AARCH64 = {
    "kind": "llvm",
    "mtriple": "aarch64-linux-gnu",
    "mcpu": "cortex-a72",
    "mattr": ["+neon"],
}


def write_tvm(subject: Subject, precision: str, path: Path) -> Written:
    """Compile for this machine's processor.

    Raises:
        ExportError: TVM refuses the network, or the C++ compiler that links is not there.
    """
    tvm = require("tvm", extra="tvm")
    processor = tvm.get_global_func("target.llvm_get_system_cpu")()
    target = {"kind": "llvm", "mcpu": str(processor)}
    with quietly():
        library = _compiled(subject, precision, target)
        _link(library, path)
    return Written(scales="ours" if precision == "int8" else "none", details={"target": target})


def write_tvm_aarch64(subject: Subject, precision: str, path: Path) -> Written:
    """Compile for 64-bit ARM (Cortex-A72, as on a Raspberry Pi 4), with a cross compiler to link.

    Raises:
        ExportError: TVM refuses the network, or the cross compiler is not there.
    """
    cc = require("tvm.support.cc", extra="tvm")
    with quietly():
        library = _compiled(subject, precision, _AARCH64)
        _link(library, path, fcompile=cc.cross_compiler(CROSS_COMPILER))
    return Written(
        scales="ours" if precision == "int8" else "none",
        details={"target": _AARCH64},
        notes=("runs on 64-bit ARM only: its answers were not checked here",),
    )


def _compiled(subject: Subject, precision: str, target: dict[str, Any]) -> Any:
    if precision == "int8" and subject.precision != "int8":
        raise InvalidArgumentError(
            f"`precision` must be float32 for {subject.name}, which is not quantized, but got "
            f"precision='int8': TVM has no tool that quantizes, `featherweight quantize` is one."
        )
    tvm = require("tvm", extra="tvm")
    frontend = require("tvm.relax.frontend.torch", extra="tvm")
    program = traced(subject, with_rounding=precision == "int8")
    try:
        module = frontend.from_exported_program(program, unwrap_unit_return_tuple=True)
        return tvm.compile(module, target=tvm.target.Target(target))
    except Exception as error:
        raise ExportError(f"TVM cannot compile {subject.name}: {error}") from error


def _link(library: Any, path: Path, **options: Any) -> None:
    try:
        library.export_library(str(path), **options)
    except Exception as error:
        raise ExportError(f"TVM cannot link {path}: {error}") from error


TARGET = Target(
    name="tvm",
    title="TVM",
    suffix=".so",
    extra="tvm",
    packages={"tvm": "apache-tvm"},
    precisions=("float32", "int8"),
    write=write_tvm,
    open=open_file,
)
AARCH64_TARGET = Target(
    name="tvm-aarch64",
    title="TVM for 64-bit ARM",
    suffix=".so",
    extra="tvm",
    packages={"tvm": "apache-tvm"},
    precisions=("float32", "int8"),
    write=write_tvm_aarch64,
    open=None,
)
