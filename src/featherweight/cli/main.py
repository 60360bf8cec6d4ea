"""featherweight: make neural networks small, and prove it."""

import typer

from featherweight import __version__
from featherweight.cli import (
    bench,
    binarize,
    calibrate,
    compare,
    compress,
    data,
    demo,
    doctor,
    evaluate,
    export,
    inspect,
    models,
    profile,
    prune,
    quantize,
    run,
    search,
    sensitivity,
    train,
)

app = typer.Typer(
    name="featherweight",
    help="What you prune is gone, from the file, from RAM and from the clock.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"featherweight {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """What you prune is gone, from the file, from RAM and from the clock."""


app.command("models")(models.models)
app.command("data")(data.data)
app.command("profile")(profile.profile)
app.command("compare")(compare.compare)
app.command("train")(train.train)
app.command("compress")(compress.compress)
app.command("binarize")(binarize.binarize)
app.command("prune")(prune.prune)
app.command("quantize")(quantize.quantize)
app.command("sensitivity")(sensitivity.sensitivity)
app.command("inspect")(inspect.inspect)
app.command("eval")(evaluate.evaluate)
app.command("run")(run.run)
app.command("search")(search.search)
app.command("export")(export.export)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)
app.command("calibrate")(calibrate.calibrate)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of the console script."""
    app()
