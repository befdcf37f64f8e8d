"""The one page for people: what the simulated ad server has at the moment."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(_simulator: object) -> str:
    """Return the page."""
    return "<!doctype html><title>Simulated ad server</title>"
