"""featherweight profile MODEL: what a network costs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from featherweight.cli.output import (
    Json,
    Quiet,
    Seed,
    Threads,
    command,
    emit,
    set_threads,
    shape_of,
)


@command
def profile(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A network or file.")],
    input: Annotated[
        str | None, typer.Option(help="Channels, height, width, as in 3,224,224.")
    ] = None,
    batch: Annotated[int, typer.Option(min=0, help="Samples at once; 0: one, or the file's.")] = 0,
    device: Annotated[
        str, typer.Option(help="A device's name, this-machine, or a .yaml file.")
    ] = "mobile-phone",
    fps: Annotated[float, typer.Option(help="Frames a second that are wanted.")] = 30.0,
    link: Annotated[
        str | None, typer.Option(help="Compare with a server over 3g, 4g or wifi.")
    ] = None,
    round_trip_ms: Annotated[float | None, typer.Option(help="Of the link.")] = None,
    uplink_mbps: Annotated[float | None, typer.Option(help="Of the link.")] = None,
    mj_per_mb: Annotated[float | None, typer.Option(help="Energy to send a megabyte.")] = None,
    sent_bytes: Annotated[
        int | None, typer.Option(help="Of one input as sent; raw pixels if not given.")
    ] = None,
    server: Annotated[str, typer.Option(help="Device at the link's other end.")] = "tensor-cores",
    measure: Annotated[bool, typer.Option("--measure", help="Run it here too.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Runs that --measure times.")] = 30,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the roofline into an .svg, .png or .pdf.")
    ] = None,
    every_layer: Annotated[
        bool, typer.Option("--all", help="List layers without weights too.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Count parameters, multiply-adds and memory; estimate time and energy on a device.

    Example: featherweight profile alexnet --device raspberry-pi-4 --fps 30 --link 4g
    """
    from dataclasses import replace

    from featherweight.bench import cost as costs
    from featherweight.bench.cost_tables import print_cost
    from featherweight.bench.model_profile import profile as count
    from featherweight.bench.resident import resident_file
    from featherweight.lecture.alexnet import alexnet_rows, print_alexnet
    from featherweight.measure import calibrate, find_device

    set_threads(threads)
    shape = shape_of(input)
    chosen = calibrate() if device == "this-machine" else find_device(device)
    counted = count(model, shape, batch=batch or None)
    cost = costs.cost_on(counted, chosen, _positive(fps))
    overrides = {
        "round_trip_ms": round_trip_ms,
        "uplink_mbps": uplink_mbps,
        "uplink_mj_per_mb": mj_per_mb,
    }
    if link is not None or any(value is not None for value in overrides.values()):
        cost = replace(cost, cloud=_cloud(cost, link, overrides, server, sent_bytes))
    if measure:
        measured, resident = _measured(model, shape, counted.input_shape, seed, rounds)
        cost = replace(cost, measured=measured, resident=resident)
    elif model.endswith(".fwt"):
        cost = replace(cost, resident=resident_file(Path(model), counted.input_shape[0]))
    if plot is not None:
        from featherweight.bench.roofline_plot import plot_roofline

        plot_roofline(cost.time, model, plot)
    rows = alexnet_rows(counted) if model.partition(":")[0] == "alexnet" else []
    payload: dict[str, Any] = {"model": model, **costs.payload(cost)}
    if rows:
        payload["lecture"] = rows

    def show() -> None:
        print_cost(model, cost, every_layer=every_layer)
        if rows:
            print_alexnet(rows, counted)

    emit(payload, as_json=json, quiet=quiet, show=show)


def _positive(fps: float) -> float:
    from featherweight.errors import InvalidArgumentError

    if not fps > 0:
        raise InvalidArgumentError(f"`fps` must be more than 0, but got fps={fps}.")
    return fps


def _cloud(
    cost: Any, link: str | None, overrides: dict[str, float | None], server: str,
    sent_bytes: int | None,
) -> Any:  # fmt: skip
    """Compare with a server; what the options say about the link goes before its data file."""
    from dataclasses import replace

    from featherweight.measure import compare_cloud, estimate_time, find_device, find_link

    known: dict[str, Any] = {key: value for key, value in overrides.items() if value is not None}
    found = find_link(link or "4g")
    if known:
        found = replace(found, **known, name=f"{found.name}, as given")
    there = estimate_time(cost.profile, find_device(server))
    return compare_cloud(cost.profile, found, cost.time, cost.energy, there, sent_bytes=sent_bytes)


def _measured(
    model: str, shape: tuple[int, ...] | None, input_shape: tuple[int, ...], seed: int, rounds: int
) -> tuple[Any, Any]:
    """What torch needs for it on this machine, and what our runtime would hold."""
    import torch

    from featherweight.bench.resident import resident_file, resident_module
    from featherweight.measure import measure_module
    from featherweight.zoo import resolve

    picture = (shape[0], shape[1], shape[2]) if shape is not None and len(shape) == 3 else None
    resolved = resolve(model, seed=seed, shape=picture)
    example = torch.randn(input_shape, generator=torch.Generator().manual_seed(seed))
    resident = (
        resident_file(Path(model), input_shape[0])
        if model.endswith(".fwt")
        else resident_module(resolved.module, example)
    )
    return measure_module(resolved.module, example, rounds=rounds), resident
