"""Base58 of any bytes; solders has it for keys and signatures alone."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
TEXT_CHARS_MAX = 2_000  #: a whole transaction is 1,683 characters


def encode(data: bytes) -> str:
    """Bytes as base58 text."""
    number = int.from_bytes(data, "big")
    letters: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(letters))


def decode(text: str) -> bytes:
    """Base58 text as bytes. Raises `ValueError`."""
    if len(text) > TEXT_CHARS_MAX:
        raise ValueError(f"expected at most {TEXT_CHARS_MAX} characters of base58, found {len(text)}")
    number = 0
    for letter in text:
        if letter not in _VALUE:
            raise ValueError(f"expected base58, found {letter!r}")
        number = number * 58 + _VALUE[letter]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
