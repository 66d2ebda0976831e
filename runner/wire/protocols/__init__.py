"""The AWS protocols: parse and serialise, compiled from the models per operation."""
