"""Faults on purpose, with proof that they hit."""
