"""From numbers to vectors: the options, the mathematics, the kernels and the trainer."""
