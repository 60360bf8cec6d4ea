"""Uniform quantization: standard ONNX QuantizeLinear and DequantizeLinear around what is quantized.

>>> layers = {"conv1.weight": 8, "fc1.weight": 4}
>>> small = post_training(network, layers, UniformConfig(), calibration_batches)

Its parts stand alone: `fold_batch_norm`, `equalize`, `measure_ranges`, `adaround`, `correct_bias`,
`quantize`; `QuantizationAwareTraining` trains in between.
"""

from featherweight.quantization.adaround import adaround as adaround
from featherweight.quantization.aware import QuantizationAwareTraining as QuantizationAwareTraining
from featherweight.quantization.bias_correction import correct_bias as correct_bias
from featherweight.quantization.calibration import CALIBRATIONS as CALIBRATIONS
from featherweight.quantization.config import AdaRoundConfig as AdaRoundConfig
from featherweight.quantization.config import UniformConfig as UniformConfig
from featherweight.quantization.equalization import equalize as equalize
from featherweight.quantization.folding import fold_batch_norm as fold_batch_norm
from featherweight.quantization.post_training import calibrate as calibrate
from featherweight.quantization.post_training import post_training as post_training
from featherweight.quantization.post_training import prepare as prepare
from featherweight.quantization.qdq import quantize as quantize
from featherweight.quantization.qdq import quantized_inputs as quantized_inputs
from featherweight.quantization.ranges import measure_ranges as measure_ranges
from featherweight.quantization.weights import QuantizedWeight as QuantizedWeight
