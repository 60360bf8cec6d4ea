"""One large network trained data-parallel by Ray Train, on the nodes of a cluster.

Ray starts the workers and their process group, keeps the checkpoint of each epoch, and begins again
from the last one where a worker dies; what they compute is `fit` (see `data_parallel`).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from featherweight.data import Dataset
from featherweight.extras import require
from featherweight.training import checkpoint as checkpoints
from featherweight.training.config import TrainingConfig
from featherweight.training.data_parallel import check_batch
from featherweight.training.loop import Progress, fit, identity

_FILE = "run.safetensors"
_MAX_FAILURES = 5


@dataclass(frozen=True)
class Cluster:
    """Where to train: `address` as `ray start` prints it, or "local" for a cluster of its own."""

    address: str
    workers: int = 2
    gpus: bool = False
    """Whether each worker takes a whole card."""


def fit_on_ray(
    module: nn.Module,
    dataset: Dataset,
    config: TrainingConfig,
    cluster: Cluster,
    storage: Path,
    *,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Train `module` in place as `fit` does, each batch shared among the cluster's workers.

    Args:
        storage: folder that all nodes see, where Ray keeps the checkpoints; a run that was killed
            goes on from the last one there.

    Raises:
        MissingExtraError: Ray is not installed.
        InvalidArgumentError: a batch cannot be shared evenly among the workers.
    """
    check_batch(config.batch_size, cluster.workers)
    ray = require("ray", "ray")
    train = require("ray.train", "ray")
    torch_train = require("ray.train.torch", "ray")
    if not ray.is_initialized():
        ray.init(address=cluster.address, log_to_driver=not quiet)
    try:
        trainer = torch_train.TorchTrainer(
            _work,
            train_loop_config={
                "module": module, "dataset": dataset, "config": config, "seed": seed,
                "threads": torch.get_num_threads(), "quiet": quiet,
            },
            scaling_config=train.ScalingConfig(num_workers=cluster.workers, use_gpu=cluster.gpus),
            run_config=train.RunConfig(
                name=f"train-{identity(module, dataset, config, seed)}",
                storage_path=str(storage.resolve()),
                failure_config=train.FailureConfig(max_failures=_MAX_FAILURES),
            ),
        )  # fmt: skip
        result = trainer.fit()
        with result.checkpoint.as_directory() as folder:
            saved = checkpoints.load(Path(folder) / _FILE)
    finally:
        ray.shutdown()
    weights = {
        name.removeprefix("model."): tensor
        for name, tensor in saved.tensors.items()
        if name.startswith("model.")
    }
    module.load_state_dict(weights)
    module.eval()


def _work(given: dict[str, Any]) -> None:
    """What each worker does; the first one keeps the checkpoints."""
    train = require("ray.train", "ray")
    device = require("ray.train.torch", "ray").get_device()
    torch.set_num_threads(given["threads"])
    is_first = train.get_context().get_world_rank() == 0
    with tempfile.TemporaryDirectory() as folder:
        before = train.get_checkpoint()
        if before is not None:
            before.to_directory(folder)

        def told(progress: Progress) -> None:
            if is_first and not given["quiet"]:
                print(
                    f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}, "
                    f"validation {progress.val_top1:.2f} %"
                )
            kept = train.Checkpoint.from_directory(folder) if is_first else None
            train.report({"epoch": progress.epoch, "top1": progress.val_top1}, checkpoint=kept)

        fit(
            given["module"].to(device), given["dataset"], given["config"],
            seed=given["seed"], checkpoint=Path(folder) / _FILE, report=told,
        )  # fmt: skip
