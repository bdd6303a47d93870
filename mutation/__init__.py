"""Mutation testing: small changes of the numeric core, each of which the tests ought to notice."""
