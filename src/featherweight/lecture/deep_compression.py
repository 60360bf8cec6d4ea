"""The lecture's "Deep Compression" on both LeNets, from training to a file that is read back.

Han, Mao & Dally 2016, arXiv 1510.00149, Tables 1 to 3.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from featherweight import recipes
from featherweight.bench.compression import network_report, print_compression
from featherweight.bench.on_machine import MachineChange, change_on_this_machine
from featherweight.bench.report import ReportInput, write_report
from featherweight.data import load
from featherweight.recipes import Compression, Settings
from featherweight.recipes.stages import StageReport
from featherweight.zoo import resolve

NETWORKS = ("lenet-300-100", "lenet-5")


@dataclass(frozen=True)
class Demo:
    """What the demo made: a compression by network, and the report's file."""

    networks: dict[str, Compression]
    changes: dict[str, MachineChange]
    report: Path

    def show(self) -> None:
        """Print one table a network, and where the report is."""
        for name, result in self.networks.items():
            print_compression(name, result, self.changes[name])
        Console().print(f"report with pictures: {self.report}")


def run_demo(
    out: Path,
    *,
    data: str = "mnist5k",
    recipe: str = "lightest",
    seed: int = 0,
    report: StageReport | None = None,
) -> Demo:
    """Train, compress, write, read back and evaluate both LeNets; resumes from `out`/checkpoints.

    Args:
        out: folder for the `.fwt` files, the report and the checkpoints.
        report: called with network, stage and progress at the end of each epoch.
    """
    dataset = load(data)
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Compression] = {}
    changes: dict[str, MachineChange] = {}
    sections = []
    for name in NETWORKS:
        resolved = resolve(
            name, seed=seed, shape=dataset.shape, num_classes=len(dataset.class_names)
        )

        def on_epoch(stage: str, progress: object, network: str = name) -> None:
            if report is not None:
                report(f"{network}: {stage}", progress)  # type: ignore[arg-type]

        settings = Settings(seed=seed, work=out / "checkpoints", report=on_epoch)
        training = recipes.find_training(name, data)
        chosen = recipes.find_recipe(recipe, name, data)
        recipes.train_reference(resolved.module, training, dataset, settings)
        results[name] = recipes.compress(
            resolved.module, chosen, dataset, out / f"{name}.fwt", settings=settings
        )
        changes[name] = change_on_this_machine(
            resolved.module, recipes.example_input(dataset.shape), results[name].file
        )
        sections.append(
            network_report(
                name, resolved.module, chosen, results[name], dataset, change=changes[name]
            )
        )
    page = out / "report.html"
    write_report(page, ReportInput("Deep Compression of both LeNets", sections))
    return Demo(results, changes, page)
