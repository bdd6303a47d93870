"""Associations of words: axes between two groups of words, tests of association (WEAT), and debiasing."""
