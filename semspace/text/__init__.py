"""Files → `Corpus` → `Tokens`. Knows nothing of vectors."""
