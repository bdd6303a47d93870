"""Why two texts, two words or the results of a search are alike."""
