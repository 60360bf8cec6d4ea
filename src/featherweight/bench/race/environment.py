"""What is installed and works: every backend converts and runs one small network, on its own."""

from dataclasses import dataclass

from featherweight.bench.race.backends import find_backends
from featherweight.bench.race.racing import RaceOptions, Report, race
from featherweight.export import Target, targets
from featherweight.extras import install_hint

_NETWORK = "lenet-5"


@dataclass(frozen=True)
class Installed:
    """One backend, as it is on this machine."""

    name: str
    version: str
    status: str
    """"works", or what is wrong and what to do about it."""


def check_environment(report: Report = lambda _: None) -> list[Installed]:
    """Try every backend of the race, and look for the targets that only convert."""
    rows = race([_NETWORK], RaceOptions(rounds=1, warmup=0), report)
    found = [
        Installed(backend.name, backend.version(), "works" if row.status == "ok" else row.status)
        for backend, row in zip(find_backends("all"), rows, strict=True)
    ]
    return found + [_converter(target) for target in targets() if target.open is None]


def _converter(target: Target) -> Installed:
    missing = target.missing()
    version = next(iter(target.versions().values()), "")
    if missing is not None:
        return Installed(target.name, version, install_hint(missing, target.extra))
    return Installed(target.name, version, "installed; converts here, and runs elsewhere")
