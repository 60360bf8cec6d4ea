"""Weight sharing: a layer's weights become codes into a small codebook that is trained on."""

from featherweight.weight_sharing.parts import shared_tensor, store_in_parts
from featherweight.weight_sharing.trained_centroids import (
    SharedWeight,
    SharingConfig,
    TrainedCentroids,
    share,
)

__all__ = [
    "SharedWeight",
    "SharingConfig",
    "TrainedCentroids",
    "share",
    "shared_tensor",
    "store_in_parts",
]
