"""The launcher's one exception: what a person must know, in one line."""


class LauncherError(Exception):
    """Something that the person at the terminal must put right; its text is one clear line."""
