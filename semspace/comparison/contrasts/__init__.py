"""What distinguishes corpora: groups, words, and words that change their meaning."""
