"""What holds corpora apart: groups, words, and words that mean something else."""
