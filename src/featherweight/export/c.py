"""C: one header and one source, with the `.fwt` file as an array, for featherweight's runtime.

    #include "lenet.h"
    fw_session* session;
    if (lenet_load(NULL, &session) != FW_OK) ...

The array is of 64-bit words, which compilers read much faster than bytes and align as the runtime
likes; it is for little-endian processors, as all are that the runtime is built for.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from featherweight.errors import FormatError, InvalidArgumentError
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written
from featherweight.peers.runner import Runner
from featherweight.runtime import Session

_WORDS_A_LINE = 5
_WORD = re.compile(r"0x([0-9a-f]{16})u")
_SIZE = re.compile(r"^#define \w+_FILE_BYTES (\d+)u$", re.MULTILINE)


def write_c(subject: Subject, precision: str, path: Path) -> Written:
    """Write `path` (.c) and the header beside it (.h).

    Raises:
        InvalidArgumentError: the precision is not the network's own, or the file's name gives no
            C identifier.
    """
    if precision != subject.precision:
        raise InvalidArgumentError(
            f"`precision` must be the network's own, {subject.precision}, but got "
            f"precision={precision!r}: the runtime runs a file as it is."
        )
    name = identifier(path.stem)
    content = subject.bytes()
    session = Session(content)
    path.with_suffix(".h").write_text(_header(name, content, session))
    with path.open("w") as file:
        file.writelines(_source(name, path.stem, content))
    return Written(
        scales="ours" if precision == "int8" else "none",
        notes=("the array was read back and run; the source is compiled by you",),
        details={"array_bytes": len(content), "prefix": name},
    )


def identifier(stem: str) -> str:
    """A C identifier of a file's name: what C does not allow becomes an underscore.

    Raises:
        InvalidArgumentError: nothing is left.
    """
    name = re.sub(r"\W", "_", stem, flags=re.ASCII).strip("_").lower()
    if not name:
        raise InvalidArgumentError(f"a C name cannot be made of the file's name {stem!r}.")
    return f"net_{name}" if name[0].isdigit() else name


def _header(name: str, content: bytes, session: Session) -> str:
    (source,), (sink,) = session.inputs, session.outputs
    upper = name.upper()
    return f"""/* A network for featherweight's runtime; written by `featherweight export --to c`.
 * Link the source beside it with libfeatherweight_core and the C++ and thread libraries. */
#ifndef {upper}_H
#define {upper}_H

#include <featherweight/featherweight.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_FILE_BYTES {len(content)}u
#define {upper}_INPUT_FLOATS {int(np.prod(source.shape))}u  /* {_product(source.shape)} */
#define {upper}_OUTPUT_FLOATS {int(np.prod(sink.shape))}u  /* {_product(sink.shape)} */

/* As fw_load_memory, with the network's own bytes; `options` may be null. */
fw_status {name}_load(const fw_options* options, fw_session** session);
/* One batch of one: floats as the network sees them in, its output out. */
fw_status {name}_run(fw_session* session, const float* input, float* output);

#ifdef __cplusplus
}}
#endif
#endif
"""


def _product(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _source(name: str, stem: str, content: bytes) -> Iterator[str]:
    words = np.frombuffer(content + bytes(-len(content) % 8), "<u8")
    yield f'#include "{stem}.h"\n\n#include <stdint.h>\n\n'
    yield f"static const uint64_t file[{len(words)}] = {{\n"
    for start in range(0, len(words), _WORDS_A_LINE):
        line = words[start : start + _WORDS_A_LINE].tolist()
        yield "".join(f"0x{word:016x}u," for word in line) + "\n"
    yield f"""}};

fw_status {name}_load(const fw_options* options, fw_session** session) {{
  return fw_load_memory(file, {name.upper()}_FILE_BYTES, options, session);
}}

fw_status {name}_run(fw_session* session, const float* input, float* output) {{
  const float* inputs[1] = {{input}};
  float* outputs[1] = {{output}};
  return fw_run(session, inputs, outputs);
}}
"""


def embedded_file(path: Path) -> bytes:
    """Return the `.fwt` file that a source holds, read from its text.

    Raises:
        FormatError: it holds none.
    """
    size = _SIZE.search(path.with_suffix(".h").read_text())
    words = _WORD.findall(path.read_text())
    if size is None or 8 * len(words) < int(size[1]):
        raise FormatError(f"{path} holds no network.")
    content = np.array([int(word, 16) for word in words], "<u8").tobytes()
    return content[: int(size[1])]


def open_c(path: Path, threads: int) -> Runner:
    """Run the array of a source on the native runtime here."""
    return Session(embedded_file(path), threads=threads).run


TARGET = Target(
    name="c",
    title="C",
    suffix=".c",
    extra="",
    packages={},
    precisions=("float32", "int8"),
    write=write_c,
    open=open_c,
    companions=(".h",),
)
