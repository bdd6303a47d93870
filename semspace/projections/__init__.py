"""Maps of spaces as values, with how far each can be trusted."""
