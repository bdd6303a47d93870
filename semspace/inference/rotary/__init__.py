"""The architectures that came after BERT: a file each, or each kind, and what they share."""
