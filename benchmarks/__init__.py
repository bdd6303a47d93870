"""Claims, measured: one file a claim, each against a named peer on the same data in the same run, alternating."""
