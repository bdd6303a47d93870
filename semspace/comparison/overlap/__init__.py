"""What corpora share: copies, near copies, and counterparts in meaning."""
