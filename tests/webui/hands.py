"""A clock moved by hand, in seconds."""


class Hands:
    """Starts at zero."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s
