"""Shared weights that a file holds in parts, joined by ONNX operators.

    codebooks of groups:   weight_0 ... weight_g (each `shared`) -> Concat -> weight
    a codebook of vectors: weight_codebook [k, size], weight (codes) -> Gather -> Reshape -> weight

The runtime joins them when the file is loaded, and any other reader of ONNX can. Codes of vectors
are an int32 tensor that itself shares the numbers 0 ... k-1, so that a code takes log2(k) bits.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from featherweight.container import CodedTensor, Network
from featherweight.container.graph import Node
from featherweight.functional.kmeans import without_empty_clusters
from featherweight.weight_sharing.trained_centroids import SharedWeight


def shared_tensor(name: str, shared: SharedWeight, dtype: str = "float32") -> CodedTensor:
    """A weight of one codebook of values; sparse if its mask leaves some out."""
    codes = shared.codes.cpu().numpy().astype(np.uint8)
    book = shared.codebook.cpu().numpy()
    mask = shared.mask.cpu().contiguous().numpy()
    if mask.all():
        return CodedTensor(name, dtype, mask.shape, "shared", codebook=book, codes=codes)
    positions = np.flatnonzero(mask).astype(np.int64)
    return CodedTensor(
        name, dtype, mask.shape, "sparse_shared", positions=positions, codebook=book, codes=codes
    )


def store_in_parts(network: Network, shared: Mapping[str, SharedWeight]) -> Network:
    """Return the network with the weights of `shared` that have several codebooks, or vectors,
    stored as parts, and the nodes that join them.
    """
    tensors = dict(network.tensors)
    joined: dict[str, str] = {}
    nodes: list[Node] = []
    for name, each in shared.items():
        if each.is_plain or name not in tensors:
            continue
        value = f"{name}_joined".replace(".", "_")
        joined[name] = value
        if each.codebook.ndim == 2:
            nodes += _vectors(name, each, value, tensors)
        else:
            nodes.append(_groups(name, each, value, tensors))
    renamed = [
        replace(node, inputs=tuple(joined.get(name, name) for name in node.inputs))
        for node in network.graph.nodes
    ]
    graph = replace(network.graph, nodes=(*nodes, *renamed))
    return replace(network, graph=graph, tensors=tensors)


def _groups(name: str, shared: SharedWeight, value: str, tensors: dict[str, CodedTensor]) -> Node:
    del tensors[name]
    first = 0
    names = []
    size = len(shared.codebook) // shared.groups
    masks = torch.chunk(shared.mask, shared.groups)
    for group, mask in enumerate(masks):
        count = int(mask.sum())
        codes = (shared.codes[first : first + count] - group * size).numpy().astype(np.uint8)
        first += count
        book = shared.codebook[group * size : (group + 1) * size].numpy()
        book, codes = without_empty_clusters(book, codes)
        part = SharedWeight(torch.from_numpy(book), torch.from_numpy(codes), mask)
        names.append(f"{name}_{group}")
        tensors[names[-1]] = shared_tensor(names[-1], part)
    return Node("Concat", tuple(names), (value,), {"axis": 0})


def _vectors(
    name: str, shared: SharedWeight, value: str, tensors: dict[str, CodedTensor]
) -> list[Node]:
    book = shared.codebook.cpu().contiguous().numpy()
    codes = shared.codes.cpu().numpy().astype(np.uint8)
    numbers = np.arange(len(book), dtype=np.int32)
    shape = np.array(shared.mask.shape, np.int64)
    tensors[name] = CodedTensor(name, "int32", codes.shape, "shared", codebook=numbers, codes=codes)
    tensors[f"{name}_codebook"] = CodedTensor(
        f"{name}_codebook", "float32", book.shape, "raw", values=book
    )
    tensors[f"{name}_shape"] = CodedTensor(
        f"{name}_shape", "int64", shape.shape, "raw", values=shape
    )
    rows = f"{value}_rows"
    return [
        Node("Gather", (f"{name}_codebook", name), (rows,), {"axis": 0}),
        Node("Reshape", (rows, f"{name}_shape"), (value,)),
    ]
