"""Characters with their number in the word, as some Chinese corpora write them: 科0 技1 全0 国1."""

import unicodedata

MOST_OF = 0.5
"""Where more of a file's words than this look numbered, one that does not is a fault."""


class Numbered:
    """Whether all words of a file are a character and its number; read in order, by sentence.

    A number is 0 or one more than that before it in the sentence (9 is followed by any digit: of
    two digits corpora keep the last), and at least one character is an ideograph, so that words
    such as A0 and B1 alone are left as they are.
    """

    def __init__(self) -> None:
        self._like = self._others = 0
        self._ideographs = 0
        self._first_other: int | None = None
        self._before = -1

    def read(self, line: int, word: str) -> None:
        """Take the word of a line."""
        if len(word) == 2 and word[1] in "0123456789" and self._follows(int(word[1])):
            self._like += 1
            self._before = int(word[1])
            self._ideographs += unicodedata.name(word[0], "").startswith("CJK UNIFIED")
            return
        self._others += 1
        self._first_other = self._first_other or line

    def _follows(self, number: int) -> bool:
        return number == 0 or number == self._before + 1 or self._before == 9

    def sentence_ended(self) -> None:
        """The next word begins at 0."""
        self._before = -1

    @property
    def holds(self) -> bool:
        """Whether every word is numbered."""
        return self._ideographs > 0 and not self._others

    @property
    def fault(self) -> tuple[int, str] | None:
        """The line of the first word that is not numbered though most are, and words for it."""
        total = self._like + self._others
        if not self._ideographs or not self._others or self._like <= MOST_OF * total:
            return None
        assert self._first_other is not None
        return self._first_other, (
            f"{self._like} of {total} words are a character with its number (科0 技1), this one is "
            "not; take the numbers off, or mend it"
        )
