"""Share weights by k-means, then train the centroids with the codes held.

Han, Mao & Dally 2016, "Deep Compression", arXiv 1510.00149, sections 3.1 to 3.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from featherweight.functional.kmeans import kmeans
from featherweight.functional.product_codebook import vector_kmeans
from featherweight.functional.sharing import centroid_gradient, shared_weight


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SharingConfig:
    """How the first centroids are chosen."""

    init: Literal["linear", "density", "random", "kmeans++"] = "linear"
    max_iterations: Annotated[int, Field(ge=0)] = 1000
    """Of Lloyd's algorithm; it stops before where nothing moves any more."""
    group_rows: Annotated[int, Field(ge=1)] | None = None
    """Output channels that have a codebook of their own; none: one codebook a tensor."""
    vector_size: Annotated[int, Field(ge=1, le=64)] = 1
    """Weights that share one code; a weight that was pruned, or whose rows are no multiple of it,
    is shared value by value."""

    def __post_init__(self) -> None:
        if self.group_rows is not None and self.vector_size > 1:
            raise ValueError("sharing takes codebooks of groups or of vectors, not both")


@plain_dataclass(frozen=True, eq=False)
class SharedWeight:
    """A weight as a codebook [k], codes int64 [kept] and a bool mask of the weight's shape.

    With `groups` g the codebook is that of each group in turn [g * k], and the first dimension is
    cut into g groups (`torch.chunk`). A codebook of vectors is [k, size], with a code a vector.
    """

    codebook: Tensor
    codes: Tensor
    mask: Tensor
    groups: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether it has one codebook, of values."""
        return self.groups == 1 and self.codebook.ndim == 1

    @property
    def weight(self) -> Tensor:
        """The dense weight that this stands for."""
        return shared_weight(self.codebook, self.codes, self.mask)


def share(
    weight: Tensor, mask: Tensor, num_bits: int, config: SharingConfig, seed: int = 0
) -> SharedWeight:
    """Cluster the weights that `mask` keeps into at most 2^num_bits shared values or vectors."""
    size = config.vector_size
    if size > 1 and bool(mask.all()) and weight.ndim > 1 and weight[0].numel() % size == 0:
        book, vectors = vector_kmeans(
            weight.detach().reshape(-1, size).cpu(),
            1 << num_bits,
            seed=seed,
            max_iterations=min(config.max_iterations, 50),
        )
        return SharedWeight(book.to(weight.device), vectors.to(weight.device), mask.clone())
    if config.group_rows is not None and weight.ndim > 1 and len(weight) > config.group_rows:
        return _share_groups(weight, mask, num_bits, config, seed)
    kept = weight.detach()[mask].cpu().numpy()
    codebook, codes = kmeans(
        kept, 1 << num_bits, config.init, seed=seed, max_iterations=config.max_iterations
    )
    return SharedWeight(
        torch.from_numpy(codebook).to(weight.device),
        torch.from_numpy(codes).long().to(weight.device),
        mask.detach().clone(),
    )


def _share_groups(
    weight: Tensor, mask: Tensor, num_bits: int, config: SharingConfig, seed: int
) -> SharedWeight:
    """A codebook for each group of output channels, all of 2^num_bits places."""
    groups = len(torch.chunk(weight, -(-len(weight) // (config.group_rows or 1))))
    one = replace(config, group_rows=None)
    books, codes = [], []
    parts = zip(torch.chunk(weight, groups), torch.chunk(mask, groups), strict=True)
    for group, (part, kept) in enumerate(parts):
        shared = share(part, kept, num_bits, one, seed)
        places = (1 << num_bits) - len(shared.codebook)
        books.append(torch.cat([shared.codebook, shared.codebook.new_zeros(places)]))
        codes.append(shared.codes + (group << num_bits))
    return SharedWeight(torch.cat(books), torch.cat(codes), mask.detach().clone(), groups)


class TrainedCentroids:
    """Trains centroids in place of weights (a `Constraint`).

    After each backward pass a centroid's gradient is the sum over the weights that share it; after
    each step every weight takes its centroid's new value. Codes and masks do not change. Parameters
    that are not shared are trained as usual; what `pruned` masks among them stays zero.
    """

    def __init__(
        self,
        module: nn.Module,
        shared: Mapping[str, SharedWeight],
        pruned: Mapping[str, Tensor] | None = None,
    ) -> None:
        parameters = dict(module.named_parameters())
        self.pruned = [
            (parameters[name], mask) for name, mask in (pruned or {}).items() if name not in shared
        ]
        self.weights = {name: parameters[name] for name in shared}
        self.shared = dict(shared)
        self.centroids = {n: nn.Parameter(s.codebook.clone()) for n, s in shared.items()}
        self.after_step()

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        free = [p for name, p in module.named_parameters() if name not in self.weights]
        return [*self.centroids.values(), *free]

    def before_step(self, progress: float) -> None:
        pass

    def after_backward(self) -> None:
        for name, weight in self.weights.items():
            shared, centroids = self.shared[name], self.centroids[name]
            if weight.grad is not None:
                centroids.grad = centroid_gradient(
                    weight.grad, shared.codes, shared.mask, len(centroids)
                )

    def after_step(self) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                shared = self.shared[name]
                weight.copy_(shared_weight(self.centroids[name], shared.codes, shared.mask))
            for weight, mask in self.pruned:
                weight.mul_(mask)

    def state(self) -> Mapping[str, Tensor]:
        return dict(self.centroids)

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, centroids in self.centroids.items():
                centroids.copy_(tensors[name])

    def result(self) -> dict[str, SharedWeight]:
        """The shared weights with their centroids as they are now."""
        return {
            name: replace(shared, codebook=self.centroids[name].detach().clone())
            for name, shared in self.shared.items()
        }
