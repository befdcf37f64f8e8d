"""Where wake-ups go in tests: a list, so that a test asserts them and no broker is needed."""

sent: list[tuple[str, ...]] = []


def record(name: str, *args: str) -> None:
    """Remember one wake-up."""
    sent.append((name, *args))
