"""The facts that the sales desk shows, as frozen dataclasses made by selectors."""
