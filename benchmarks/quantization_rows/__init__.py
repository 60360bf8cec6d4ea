"""The rows of benchmarks/quantization.py, one module a subject."""
