"""Inventories of real kinds of companies, and artificial systems to run a night on."""
