"""Training against a teacher's softened answers. Hinton, Vinyals & Dean 2015, arXiv 1503.02531."""

from torch import Tensor
from torch.nn import functional


def distillation_loss(
    logits: Tensor, teacher_logits: Tensor, labels: Tensor, weight: float, temperature: float
) -> Tensor:
    """(1 - w) cross-entropy(labels) + w T^2 KL(teacher_T || student_T), means over the batch.

    The factor T^2 keeps the size of the soft gradient independent of the temperature.

    Args:
        logits, teacher_logits: [N, classes].
        labels: int64 [N].
        weight: w in [0, 1].
        temperature: T > 0.
    """
    soft = functional.kl_div(
        functional.log_softmax(logits / temperature, dim=1),
        functional.log_softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return (1.0 - weight) * functional.cross_entropy(
        logits, labels
    ) + weight * temperature**2 * soft
