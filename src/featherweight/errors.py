"""Named exceptions: every error a user can meet is one of these, with one clear sentence.

The sentence names the value, the rule it broke and where it came from, as in
"`density` must be a float in (0, 1], but got density=1.2 for layer 'fc1'."
"""


class FeatherweightError(Exception):
    """Base of every error that featherweight raises on purpose."""


class InvalidArgumentError(FeatherweightError, ValueError):
    """A value given by the user breaks a stated rule."""


class FormatError(FeatherweightError, ValueError):
    """A `.fwt` file is truncated, altered, hostile, or newer than this reader."""


class UnsupportedOperatorError(FeatherweightError):
    """A network uses an operator that is outside the documented ONNX subset."""


class RunError(FeatherweightError):
    """A sound file cannot run here: an operator's shapes or attributes, or not enough memory."""


class MissingExtraError(FeatherweightError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class DataError(FeatherweightError):
    """A data set is missing, incomplete or not what its checksum says."""


class CheckpointError(FeatherweightError):
    """A checkpoint does not belong to this network or this run."""


class ExportError(FeatherweightError):
    """A toolchain cannot take this network; the message quotes the toolchain."""


class ParityError(ExportError):
    """An exported network does not give the answers of the network it was made from."""
