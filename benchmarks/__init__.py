"""How fast, measured."""
