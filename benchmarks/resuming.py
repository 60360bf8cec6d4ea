"""Kill `make demo` ten times at random points: it goes on, and ends with the same table and files.

Two fresh clones of this checkout's last commit. In the first, `make demo` runs undisturbed and is
timed, installation included. In the second, the whole process group is killed (SIGKILL) at ten
points drawn at random from the undisturbed run's length, `make demo` being started again each time,
and once more to the end. Compared are all bytes of the `.fwt` files, and all that is printed but
the times and sizes in memory of this machine, which are measured anew in each run.
`--quick` leaves the installation out and shortens nothing else: it runs `featherweight demo` as it
is installed here, with three kills; it needs about three times the demo's own time.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import harness

MINUTES_BAR = 10.0
KILLS = 10


@dataclass(frozen=True)
class Demo:
    """How to run the demo in a folder of its own."""

    command: Sequence[str]
    folder: Path

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"COLUMNS": "160"},
            start_new_session=True,
        )

    def finish(self) -> str:
        """Run to the end and return what was printed on stdout."""
        process = self.start()
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(self.command)} failed with {process.returncode}.")
        return output

    def kill_after(self, seconds: float) -> bool:
        """Start, wait, kill the whole process group; False if it had ended before."""
        process = self.start()
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
        return False

    def files(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted((self.folder / "runs/demo").glob("*.fwt"))}


def without_measured(output: str) -> list[str]:
    """The printed lines, without those between the titles `... on this machine`."""
    kept, is_measured = [], False
    for line in output.splitlines():
        is_measured = is_measured or line.rstrip().endswith("on this machine")
        if not is_measured:
            kept.append(line)
        is_measured = is_measured and not line.startswith("the file decodes")
    return kept


def prepare(folder: Path, quick: bool) -> Demo:
    if quick:
        folder.mkdir()
        command = [sys.executable, "-m", "featherweight", "demo", "--out", "runs/demo"]
        return Demo(command, folder)
    here = Path(__file__).parents[1]
    subprocess.run(["git", "clone", "--quiet", str(here), str(folder)], check=True)
    return Demo(["make", "--silent", "demo"], folder)


def run(options: argparse.Namespace) -> list[harness.Row]:
    kills = 3 if options.quick else KILLS
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        whole = prepare(Path(name) / "undisturbed", options.quick)
        start = time.perf_counter()
        expected = whole.finish()
        seconds = time.perf_counter() - start
        print(
            f"undisturbed: {seconds:.0f} s, {len(expected.splitlines())} lines printed",
            file=sys.stderr,
        )

        killed = prepare(Path(name) / "killed", options.quick)
        points = sorted(draw.uniform(0, seconds) for _ in range(kills))
        done = 0
        for before, point in zip([0.0, *points], points, strict=False):
            hit = killed.kill_after(point - before)
            done += hit
            print(f"killed at {point:.0f} s of {seconds:.0f}: {hit}", file=sys.stderr)
        table = killed.finish()
        files = whole.files()
        same = bool(files) and killed.files() == files
        same = same and without_measured(table) == without_measured(expected)
    minutes = seconds / 60
    title = "demo to its table" if options.quick else "make demo, installation included"
    return [
        harness.Row(title, minutes, "min", bar=MINUTES_BAR, met=minutes <= MINUTES_BAR),
        harness.Row("times killed before it was done", done, "", bar=kills, met=done == kills),
        harness.Row("same table and same files in the end", float(same), "", bar=1, met=same),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="of the points (default 0)")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
