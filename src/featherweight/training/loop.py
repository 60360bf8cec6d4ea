"""The training loop: deterministic, interruptible, resumable.

All randomness of an epoch (order, augmentation, dropout) is seeded from the run's seed and the
epoch's number. Hence a checkpoint at the end of an epoch needs no generator state, and a run that
was killed ends, on the same number of threads and the same torch, with the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from featherweight.data import Dataset, augment, epoch_generator, epoch_order
from featherweight.errors import CheckpointError
from featherweight.functional.distillation import distillation_loss
from featherweight.nn import WithAuxiliary
from featherweight.training import checkpoint as checkpoints
from featherweight.training import data_parallel
from featherweight.training.config import TrainingConfig, learning_rate
from featherweight.training.evaluate import evaluate


class Constraint(Protocol):
    """What a compression method does to the weights while they are trained."""

    def parameters(self, module: nn.Module) -> Sequence[nn.Parameter]:
        """The parameters that the optimizer moves."""

    def before_step(self, progress: float) -> None:
        """Called before each forward pass; `progress` in [0, 1) is the share of steps done."""

    def after_backward(self) -> None:
        """Called when the gradients are there."""

    def after_step(self) -> None:
        """Called when the optimizer has moved the parameters."""

    def state(self) -> Mapping[str, Tensor]:
        """What a checkpoint must keep beside the module's own state."""

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""


@dataclass(frozen=True)
class Progress:
    """What a caller is told at the end of each epoch."""

    epoch: int
    epochs: int
    loss: float
    val_top1: float


Report = Callable[[Progress], None]


def fit(
    module: nn.Module,
    dataset: Dataset,
    config: TrainingConfig,
    *,
    seed: int = 0,
    teacher: nn.Module | None = None,
    constraint: Constraint | None = None,
    checkpoint: Path | None = None,
    report: Report | None = None,
) -> None:
    """Train `module` in place on the training split of `dataset`.

    In a `torch.distributed` group all processes call it alike, and share each batch.

    Args:
        module: maps normalised pictures [N, C, H, W] to logits [N, classes], or, in training, to
            `nn.WithAuxiliary`, whose losses are added with its weight.
        teacher: needed if `config.distillation` is set; evaluated, never trained.
        constraint: a compression method that holds while training.
        checkpoint: written after each epoch; if it is there already, the run goes on from it.
        report: called after each epoch, also for epochs that a checkpoint already holds.

    Raises:
        CheckpointError: `checkpoint` belongs to a run with other settings, weights or data.
        InvalidArgumentError: a batch cannot be shared evenly among the group's processes.
    """
    run = _Run(module, dataset, config, seed=seed, teacher=teacher, constraint=constraint)
    first = 0
    if checkpoint is not None and checkpoint.exists():
        first = run.resume(checkpoint)
        if report is not None and first:
            report(Progress(first, config.epochs, float("nan"), float("nan")))
    for epoch in range(first, config.epochs):
        loss = run.epoch(epoch)
        if checkpoint is not None:
            run.save(checkpoint, epoch + 1)
        if report is not None:
            top1 = evaluate(module, dataset, dataset.val).top1
            report(Progress(epoch + 1, config.epochs, loss, top1))
    run.finish()


def identity(module: nn.Module, dataset: Dataset, config: TrainingConfig, seed: int) -> str:
    """What tells the checkpoints of one run from those of others: settings, data, weights."""
    return checkpoints.fingerprint(
        asdict(config), seed, dataset.name, len(dataset.train.labels), tensors=module.state_dict()
    )


class _Run:
    """One call of `fit`: what its epochs share."""

    def __init__(
        self,
        module: nn.Module,
        dataset: Dataset,
        config: TrainingConfig,
        *,
        seed: int,
        teacher: nn.Module | None,
        constraint: Constraint | None,
    ) -> None:
        if config.distillation is not None and teacher is None:
            raise ValueError("`config.distillation` needs a teacher, but got teacher=None.")
        data_parallel.check_batch(config.batch_size, data_parallel.processes())
        self.identity = identity(module, dataset, config, seed)
        self.module, self.dataset, self.config, self.seed = module, dataset, config, seed
        self.constraint = constraint
        self.device = next(iter(module.parameters())).device
        self.layout: torch.memory_format = (
            torch.channels_last
            if any(isinstance(layer, nn.Conv2d) for layer in module.modules())
            else torch.contiguous_format
        )
        _lay_out(module, self.layout)
        parameters = constraint.parameters(module) if constraint else list(module.parameters())
        self.optimizer = _optimizer(config, parameters)
        self.penalised = [p for p in module.parameters() if p.dim() > 1] if config.l1 else []
        self.teacher = _lay_out(teacher.eval(), self.layout) if teacher else None
        self.amp = config.mixed_precision and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(enabled=self.amp)

    def epoch(self, epoch: int) -> float:
        """Train one epoch and return its mean loss."""
        count, size = len(self.dataset.train.labels), self.config.batch_size
        steps = max(1, count // size)
        torch.manual_seed(epoch_generator(self.seed, epoch, "dropout").initial_seed())
        generator = epoch_generator(self.seed, epoch, "augmentation")
        order = epoch_order(count, seed=self.seed, epoch=epoch)
        self.module.train()
        total = torch.zeros(())
        for step in range(steps):
            done = epoch * steps + step
            rate = learning_rate(self.config, done, self.config.epochs * steps)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            chosen = order[step * size : (step + 1) * size]
            total += self.step(chosen, generator, done / (self.config.epochs * steps))
        data_parallel.average_buffers(self.module)
        return float(total) / steps

    def step(self, chosen: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """One step on the training pictures with these indices; returns the loss."""
        split, config = self.dataset.train, self.config
        images = augment(split.images[chosen], generator, config.max_shift, config.horizontal_flip)
        images = self.dataset.normalize(data_parallel.part(images))
        images = images.to(self.device, memory_format=self.layout)
        labels = data_parallel.part(split.labels[chosen]).to(self.device)
        if self.constraint is not None:
            self.constraint.before_step(progress)
        with torch.autocast(self.device.type, enabled=self.amp):
            loss = self.loss(images, labels)
        self.optimizer.zero_grad()
        for weight in self.module.parameters():
            weight.grad = None
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        data_parallel.average_gradients(self.module.parameters())
        if self.constraint is not None:
            self.constraint.after_backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.constraint is not None:
            self.constraint.after_step()
        return loss.detach().cpu()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy or distillation, plus those of auxiliary heads, plus the L1 penalty."""
        outputs = self.module(images)
        targets = None
        if self.config.distillation is not None and self.teacher is not None:
            with torch.no_grad():
                targets = self.teacher(images)
        if isinstance(outputs, WithAuxiliary):
            loss = self.criterion(outputs.logits, labels, targets)
            for logits in outputs.auxiliary:
                loss = loss + outputs.weight * self.criterion(logits, labels, targets)
        else:
            loss = self.criterion(outputs, labels, targets)
        for weight in self.penalised:
            loss = loss + self.config.l1 * weight.abs().sum()
        return loss

    def criterion(self, outputs: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        """Distillation from the teacher's `targets` if there are any, else cross-entropy."""
        soft = self.config.distillation
        if soft is not None and targets is not None:
            return distillation_loss(outputs, targets, labels, soft.weight, soft.temperature)
        return functional.cross_entropy(
            outputs, labels, label_smoothing=self.config.label_smoothing
        )

    def save(self, path: Path, epochs_done: int) -> None:
        """Write everything that the next epoch depends on."""
        tensors = {f"model.{name}": value for name, value in self.module.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors.update({f"optimizer.{index}.{key}": value for key, value in state.items()})
        if self.constraint is not None:
            tensors.update({f"constraint.{k}": v for k, v in self.constraint.state().items()})
        facts = {"run": self.identity, "epochs": epochs_done, "scaler": self.scaler.state_dict()}
        checkpoints.save(path, tensors, facts)

    def resume(self, path: Path) -> int:
        """Take back what `save` wrote and return the number of epochs that it holds."""
        saved = checkpoints.load(path)
        if saved.facts.get("run") != self.identity:
            raise CheckpointError(
                f"{path} belongs to a run with other settings, weights or data: "
                "remove it, or choose another place for checkpoints."
            )
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "constraint": {}}
        for name, value in saved.tensors.items():
            kind, _, rest = name.partition(".")
            parts[kind][rest] = value
        self.module.load_state_dict(parts["model"])
        if self.constraint is not None:
            self.constraint.load_state(parts["constraint"])
        state = self.optimizer.state_dict()
        state["state"] = {}
        for name, value in parts["optimizer"].items():
            index, _, key = name.partition(".")
            state["state"].setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(state)
        self.scaler.load_state_dict(saved.facts["scaler"])  # type: ignore[arg-type]
        return int(str(saved.facts["epochs"]))

    def finish(self) -> None:
        """Leave module and teacher in torch's usual memory layout, in evaluation mode."""
        for network in (self.module, self.teacher):
            if network is not None:
                _lay_out(network, torch.contiguous_format).eval()


def _lay_out(module: nn.Module, layout: torch.memory_format) -> nn.Module:
    """Channels last makes convolutions on a CPU about a third faster; the weights do not change.

    What a convolution computes from them may, in its last bit: another order of summation.
    """
    return module.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]


def _optimizer(config: TrainingConfig, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    return torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
