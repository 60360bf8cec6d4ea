"""The race: the same networks on every runtime that is installed, each in a process of its own.

>>> rows = race(["lenet-5.fwt"], RaceOptions(rounds=20))
>>> rows[0].median_ms, rows[0].status
"""

from featherweight.bench.race.backends import backend_names as backend_names
from featherweight.bench.race.backends import find_backends as find_backends
from featherweight.bench.race.racing import RaceOptions as RaceOptions
from featherweight.bench.race.racing import race as race
from featherweight.bench.race.row import Row as Row
