"""8-bit networks: standard ONNX QuantizeLinear and DequantizeLinear around what is quantized.

>>> network = fold_batch_norm(network)
>>> ranges = measure_ranges(network, calibration_batches)
>>> network = quantize(network, ranges)
"""

from featherweight.quantization.folding import fold_batch_norm as fold_batch_norm
from featherweight.quantization.qdq import quantize as quantize
from featherweight.quantization.qdq import quantized_inputs as quantized_inputs
from featherweight.quantization.ranges import measure_ranges as measure_ranges
