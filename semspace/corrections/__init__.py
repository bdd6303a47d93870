"""What all vectors of a space have in common, taken out of them."""
