"""New points, judged against real ones, and the mixtures that a generator has to beat."""
