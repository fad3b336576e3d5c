"""Fixtures that start real servers: one of each for a test process, on loopback, gone with it."""
