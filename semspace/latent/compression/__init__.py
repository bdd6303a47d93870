"""How much smaller a space can be, and what that costs: ways side by side, and search with rescoring."""
