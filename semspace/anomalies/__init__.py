"""Points that are unlike the others of their space: scores, a threshold, and reasons in words."""
