"""Decoders of text: a sentence from its vector."""
