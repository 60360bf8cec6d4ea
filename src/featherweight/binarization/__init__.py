"""One bit a weight, and one bit an input where the scheme says so.

>>> network = binarize(network, "xnor")
>>> train_binary(network, find_scheme("xnor"), Course(data, TrainingConfig(epochs=10)))
"""

from featherweight.binarization.constraints import BinaryConnect as BinaryConnect
from featherweight.binarization.constraints import ClippedWeights as ClippedWeights
from featherweight.binarization.convert import binarize as binarize
from featherweight.binarization.convert import binary_candidates as binary_candidates
from featherweight.binarization.convert import binary_layers as binary_layers
from featherweight.binarization.folding import fold_norms as fold_norms
from featherweight.binarization.schemes import SCHEMES as SCHEMES
from featherweight.binarization.schemes import Scheme as Scheme
from featherweight.binarization.schemes import SchemeName as SchemeName
from featherweight.binarization.schemes import find_scheme as find_scheme
from featherweight.binarization.training import Course as Course
from featherweight.binarization.training import train_binary as train_binary
from featherweight.binarization.training import train_binary_connect as train_binary_connect
