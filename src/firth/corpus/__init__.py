"""From text to numbers: sources, tokenizers, the vocabulary and the encoded corpus."""
