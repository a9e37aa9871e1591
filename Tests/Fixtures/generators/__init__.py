"""Generators of the parity fixtures, one module per kind of model."""
