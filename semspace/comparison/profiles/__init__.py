"""What corpora are like: how large, how varied, how hard to read, in what language, how far spread."""
