"""Vector codebooks: short runs of weights share a whole vector.

Gong, Liu, Yang & Bourdev 2014, "Compressing Deep Convolutional Networks using Vector Quantization",
arXiv 1412.6115, section 3.3 (product quantization): a row is cut into vectors of `size` weights,
and k-means over all of them gives one codebook [k, size]. A weight then takes log2(k) / size bits.
"""

import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_range

_CHUNK = 65_536
"""Vectors whose distances are held at once."""


def vector_kmeans(
    vectors: Tensor, num_clusters: int, *, seed: int = 0, max_iterations: int = 50
) -> tuple[Tensor, Tensor]:
    """Cluster the rows of `vectors` float32 [n, size] by Lloyd's algorithm.

    It starts from distinct rows drawn at random; a cluster that nothing belongs to keeps its place.

    Returns:
        codebook float32 [<= k, size], without what no code refers to, and codes int64 [n].

    Raises:
        InvalidArgumentError: no vectors, or not 1 to 256 clusters.
    """
    check_range("num_clusters", num_clusters, 1, 256)
    if vectors.ndim != 2 or not len(vectors):
        raise InvalidArgumentError(
            f"`vectors` must be [n, size] with at least 1 row, but got {tuple(vectors.shape)}."
        )
    distinct = torch.unique(vectors, dim=0)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(distinct), generator=generator)[:num_clusters]
    book = distinct[chosen].clone()
    codes = nearest(vectors, book)
    for _ in range(max_iterations):
        sums = torch.zeros_like(book).index_add_(0, codes, vectors)
        counts = torch.bincount(codes, minlength=len(book))
        means = sums / counts.clamp(min=1)[:, None]
        book = torch.where(counts[:, None] > 0, means, book)
        before, codes = codes, nearest(vectors, book)
        if torch.equal(before, codes):
            break
    used = torch.bincount(codes, minlength=len(book)) > 0
    return book[used], (used.cumsum(0) - 1)[codes]


def nearest(vectors: Tensor, book: Tensor) -> Tensor:
    """int64 [n]: the row of `book` [k, size] that is nearest to each of `vectors` [n, size]."""
    squares = book.square().sum(1)
    parts = [(squares - 2.0 * (part @ book.T)).argmin(1) for part in torch.split(vectors, _CHUNK)]
    return torch.cat(parts)
