"""Parameters and multiply-adds as `featherweight profile` counts them, against torch's own counter.

torch.utils.flop_counter.FlopCounterMode runs a network and counts two operations a multiply-add in
every convolution and matrix product it dispatches; ours are counted on the captured graph. Both
see the network without its weights. Every zoo network, all 80 classification networks of
torchvision, and 37 of timm's, where timm is installed (`pip install --no-deps timm==1.0.31`). The
bar: within 1 % on each.

`--results FILE` keeps what is counted and goes on from there; a network whose operators are outside
the subset is listed with the reason. `--quick` counts the zoo and eight networks of torchvision
anew, and keeps nothing.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import harness
from featherweight import zoo
from featherweight.errors import FeatherweightError
from featherweight.graph.torchvision_guard import torchvision
from featherweight.graph.without_weights import without_weights
from featherweight.measure import profile_module
from featherweight.zoo.registry import entry

BAR = 0.01
RESULTS = Path(__file__).parent / "results" / "counting.json"
QUICK = (
    "alexnet", "mobilenet_v2", "mnasnet0_5", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
    "vgg11", "vit_b_32",
)  # fmt: skip
SIDES = {"inception_v3": 299}
TIMM = (
    "beit_base_patch16_224", "cait_xxs24_224", "coat_tiny", "convmixer_768_32", "crossvit_9_240",
    "deit3_small_patch16_224", "densenet121", "dpn68", "edgenext_small", "efficientnet_lite0",
    "efficientformer_l1", "ghostnet_100", "hardcorenas_a", "hrnet_w18", "inception_v4", "levit_128",
    "mixer_s16_224", "mnasnet_100", "mobilenetv1_100", "mobilenetv3_small_100", "mobilevit_s",
    "nasnetalarge", "nfnet_f0", "pit_ti_224", "poolformer_s12", "pvt_v2_b0", "rexnet_100",
    "res2net50_26w_4s", "resmlp_12_224", "selecsls42", "seresnet50", "skresnet18", "tf_mixnet_s",
    "tnt_s_patch16_224", "visformer_tiny", "vovnet39a", "xception41",
)  # fmt: skip
Network = tuple[str, Callable[[], nn.Module], tuple[int, ...]]


def networks(quick: bool) -> Iterator[Network]:
    """Name, builder and input shape of every network to count."""
    for name in zoo.names():
        yield f"zoo/{name}", lambda name=name: zoo.create(name), entry(name).input_shape
    models = torchvision().models
    for name in QUICK if quick else models.list_models(module=models):
        side = SIDES.get(name, 224)
        yield f"torchvision/{name}", lambda name=name: _from_torchvision(name), (3, side, side)
    if not quick:
        yield from _from_timm()


def _from_torchvision(name: str) -> nn.Module:
    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options |= {"init_weights": False, "aux_logits": False}
    return torchvision().models.get_model(name, **options)


def _from_timm() -> Iterator[Network]:
    try:
        import timm
    except ImportError:
        Console(stderr=True).print("timm is not installed: its networks are left out.")
        return
    for name in TIMM:
        shape = timm.get_pretrained_cfg(name).input_size
        yield f"timm/{name}", lambda name=name: timm.create_model(name, exportable=True), shape


def count(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> dict[str, Any]:
    """Ours and torch's figures for one network, or why there are none."""
    module = without_weights(build()).eval().requires_grad_(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *shape, device="meta"))
    theirs = {
        "torch_macs": counter.get_total_flops() // 2,
        "torch_params": sum(parameter.numel() for parameter in module.parameters()),
    }
    try:
        ours = profile_module(module, shape)
    except FeatherweightError as error:
        return theirs | {"reason": str(error)}
    return theirs | {"macs": ours.macs, "params": ours.params}


def run(options: argparse.Namespace) -> list[harness.Row]:
    # Without gradients nn.MultiheadAttention takes one fused path that the counter does not know.
    torch.backends.mha.set_fastpath_enabled(False)
    kept = options.results.exists() and not options.quick
    results = json.loads(options.results.read_text()) if kept else {}
    wanted = list(networks(options.quick))
    for name, build, shape in wanted:
        if name in results:
            continue
        torch.manual_seed(0)
        results[name] = {"input_shape": list(shape)} | count(build, shape)
        Console(stderr=True).print(name, results[name])
        if not options.quick:
            options.results.parent.mkdir(parents=True, exist_ok=True)
            options.results.write_text(json.dumps(results, indent=1) + "\n")
    return [_row(name, results[name]) for name, _, _ in wanted]


def _row(name: str, result: dict[str, Any]) -> harness.Row:
    theirs = result["torch_macs"]
    if "reason" in result:
        return harness.Row(name, theirs / 1e6, "M MACs (torch's)", peer=result["reason"])
    error = abs(result["macs"] - theirs) / theirs
    return harness.Row(
        name=name,
        value=result["macs"] / 1e6,
        unit="M MACs",
        peer=f"torch, {theirs / 1e6:,.2f} M; params {result['params'] - result['torch_params']:+,}",
        ratio=result["macs"] / theirs,
        bar=BAR,
        met=error <= BAR,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, default=RESULTS, help="what is counted so far")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
