"""Share weights by k-means, then train the centroids with the codes held.

Han, Mao & Dally 2016, "Deep Compression", arXiv 1510.00149, sections 3.1 to 3.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from featherweight.functional.kmeans import kmeans
from featherweight.functional.sharing import centroid_gradient, shared_weight


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SharingConfig:
    """How the first centroids are chosen."""

    init: Literal["linear", "density", "random", "kmeans++"] = "linear"
    max_iterations: Annotated[int, Field(ge=0)] = 1000
    """Of Lloyd's algorithm; it stops before where nothing moves any more."""


@plain_dataclass(frozen=True, eq=False)
class SharedWeight:
    """A weight as a codebook [k], codes int64 [kept] and a bool mask of the weight's shape."""

    codebook: Tensor
    codes: Tensor
    mask: Tensor

    @property
    def weight(self) -> Tensor:
        """The dense weight that this stands for."""
        return shared_weight(self.codebook, self.codes, self.mask)


def share(
    weight: Tensor, mask: Tensor, num_bits: int, config: SharingConfig, seed: int = 0
) -> SharedWeight:
    """Cluster the weights that `mask` keeps into at most 2^num_bits shared values."""
    kept = weight.detach()[mask].cpu().numpy()
    codebook, codes = kmeans(
        kept, 1 << num_bits, config.init, seed=seed, max_iterations=config.max_iterations
    )
    return SharedWeight(
        torch.from_numpy(codebook).to(weight.device),
        torch.from_numpy(codes).long().to(weight.device),
        mask.detach().clone(),
    )


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
                    weight.grad, shared.codes, shared.mask, centroids.numel()
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
            name: SharedWeight(self.centroids[name].detach().clone(), shared.codes, shared.mask)
            for name, shared in self.shared.items()
        }
