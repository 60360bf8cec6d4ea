"""A MODEL and its data as the subject of an export."""

from pathlib import Path

import torch

from featherweight import container
from featherweight.container import CodedTensor, Network
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.export.pictures import of_data, without_data
from featherweight.export.subject import Subject, check_ports
from featherweight.graph import capture, from_onnx
from featherweight.zoo import Resolved, resolve


def subject_of(
    model: str,
    dataset: Dataset | None = None,
    *,
    checkpoint: Path | None = None,
    seed: int = 0,
) -> Subject:
    """Return what MODEL names, to be exported and checked on `dataset`, or on photographs.

    Raises:
        InvalidArgumentError: there is no such network or file, or it does not fit the data.
        CheckpointError: the checkpoint does not fit the network.
    """
    path = Path(model)
    if path.suffix in (".fwt", ".onnx") and checkpoint is None:
        if not path.is_file():
            raise InvalidArgumentError(f"there is no file {model}.")
        return subject_of_file(path, dataset)
    resolved = resolve(
        model,
        seed=seed,
        shape=dataset.shape if dataset else None,
        num_classes=len(dataset.class_names) if dataset else None,
        checkpoint=checkpoint,
    )
    return subject_of_module(resolved, dataset)


def subject_of_file(path: Path, dataset: Dataset | None = None) -> Subject:
    """The network of a `.fwt` or `.onnx` file, as it is stored: quantized nodes stay.

    Raises:
        FormatError: the file breaks its format.
        InvalidArgumentError: it has several inputs or outputs.
    """
    if path.suffix == ".fwt":
        network, file = container.read(path), path
    else:
        graph, tensors = from_onnx(path)
        network, file = Network(graph, _plain(tensors)), None
    return _subject(path.stem, network, dataset, file=file, is_trained=True)


def subject_of_module(resolved: Resolved, dataset: Dataset | None = None) -> Subject:
    """A network of torch, in float32, its graph captured.

    Raises:
        UnsupportedOperatorError: it uses an operator outside the subset.
    """
    example = torch.zeros((1, *resolved.input_shape))
    graph, tensors = capture(resolved.module, (example,))
    metadata = {}
    if dataset is not None:
        metadata = {
            "class_names": list(dataset.class_names),
            "preprocessing": {"mean": list(dataset.mean), "std": list(dataset.std)},
        }
    network = Network(graph, _plain(tensors), metadata)
    return _subject(resolved.name, network, dataset, is_trained=not resolved.fresh)


def _subject(
    name: str,
    network: Network,
    dataset: Dataset | None,
    *,
    is_trained: bool,
    file: Path | None = None,
) -> Subject:
    check_ports(network, name)
    shape = tuple(int(size) for size in network.graph.inputs[0].shape[1:])
    if dataset is not None and dataset.shape != shape:
        raise InvalidArgumentError(
            f"the pictures of {dataset.name} are {list(dataset.shape)}, but {name} takes "
            f"{list(shape)}."
        )
    pictures = of_data(dataset) if dataset is not None else without_data(shape)
    # Without data nobody knows whether the answers to these pictures mean something.
    return Subject(name, network, pictures, file, is_trained and dataset is not None)


def _plain(tensors: dict[str, torch.Tensor]) -> dict[str, CodedTensor]:
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    return {
        name: CodedTensor(name, str(array.dtype), array.shape, "raw", values=array)
        for name, array in arrays.items()
    }
