"""A simulated ad server: a program of its own, for trying things out and for tests.

It serves no advertising. It uses the standard library only and shares no code with the product,
which knows it by its HTTP API alone. See docs/simulated-ad-server.md.
"""
