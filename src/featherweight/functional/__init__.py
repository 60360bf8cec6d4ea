"""Pure tensor maths: tensors in, tensors out. Modules, files and commands stand on these."""
