"""DER, and the ways of BER that differ from it, as small functions that return bytes."""


def element(tag, *contents):
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*contents):
    return element(0x30, *contents)


def set_of(*contents):
    return element(0x31, *contents)


def octets(contents):
    return element(0x04, contents)


def null():
    return element(0x05)


def explicit(number, *contents):
    return element(0xA0 | number, *contents)


def integer(number):
    return element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = bytearray([first * 40 + second])
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        body += bytes(reversed(septets))
    return element(0x06, bytes(body))


def indefinite(tag, *contents):
    """BER: the length is not told, two zeros end it."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def in_pieces(tag, contents, size=100):
    """BER: a string of several strings."""
    pieces = [octets(contents[at : at + size]) for at in range(0, len(contents), size)]
    return indefinite(tag, *pieces)
