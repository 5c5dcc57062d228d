"""Which GPU is which where a report gives an address and no index."""

import re

ADDRESS = r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]"
_ROW = re.compile(rf"\|[ \t]{{0,20}}(\d{{1,3}})[ \t][^|\n]{{1,90}}\|[ \t]{{0,20}}({ADDRESS})\b")


def place(address: str) -> str:
    """A PCI address without what differs between drivers: digits of the domain, upper case."""
    domain, _, rest = address.strip().lower().partition(":")
    return f"{domain[-4:]}:{rest}"


class Indices:
    """The index of each GPU: that of the table in the same paste, else in order of appearance."""

    def __init__(self, whole_text: str) -> None:
        self._known = {place(found[2]): int(found[1]) for found in _ROW.finditer(whole_text)}
        self._next = 0

    def of(self, address: str | None) -> int:
        """The index of the GPU at a PCI address."""
        if address is not None and place(address) in self._known:
            return self._known[place(address)]
        while self._next in self._known.values():
            self._next += 1
        index = self._next
        self._next += 1
        if address is not None:
            self._known[place(address)] = index
        return index
