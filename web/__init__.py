"""Pages for people. A door: it holds no rules."""
