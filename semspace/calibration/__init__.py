"""What a score means: its place among random pairs, and how probable it is that two texts mean the same."""
