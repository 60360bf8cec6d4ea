"""Several processes learn what one does."""

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing, nn

from featherweight.data import Dataset, load
from featherweight.errors import InvalidArgumentError
from featherweight.training import TrainingConfig, fit
from featherweight.training.on_ray import Cluster, fit_on_ray

CONFIG = TrainingConfig(epochs=2, batch_size=64, learning_rate=1e-2, max_shift=1)


def network(*, normalized: bool = False) -> nn.Module:
    torch.manual_seed(0)
    norm: nn.Module = nn.BatchNorm2d(8) if normalized else nn.Identity()
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), norm, nn.Tanh(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10)
    )


def _one_of_two(rank: int, folder: Path, normalized: bool) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'group'}", rank=rank, world_size=2
    )
    module = network(normalized=normalized)
    fit(module, load("digits"), CONFIG, seed=3)
    torch.save(module.state_dict(), folder / f"{rank}.pt")
    distributed.destroy_process_group()


def _in_two(folder: Path, *, normalized: bool = False) -> list[dict[str, torch.Tensor]]:
    multiprocessing.spawn(_one_of_two, (folder, normalized), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    alone = network()
    fit(alone, load("digits"), CONFIG, seed=3)
    for weights in _in_two(tmp_path):
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4)


def test_running_statistics_are_the_same_everywhere(tmp_path: Path) -> None:
    one, other = _in_two(tmp_path, normalized=True)
    assert not torch.equal(one["1.running_mean"], torch.zeros(8))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=0, atol=0)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="multiple of the number of workers, 3"):
        fit_on_ray(network(), load("digits"), CONFIG, Cluster("local", 3), tmp_path)


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own options
def test_on_ray_as_in_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray.train")
    data: Dataset = load("digits")
    alone, shared = network(), network()
    fit(alone, data, CONFIG, seed=3)
    cluster = Cluster("local", workers=2)
    fit_on_ray(shared, data, CONFIG, cluster, tmp_path, seed=3, quiet=True)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    again = network()  # what is done is read back
    fit_on_ray(again, data, CONFIG, cluster, tmp_path, seed=3, quiet=True)
    for name, value in shared.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
