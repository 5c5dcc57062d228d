"""A word's label sits on its first sub-token, and every loss is counted."""

import pytest

pytest.importorskip("transformers")

from gpubench.errors import BadData, BadUsage
from gpubench.suites import tokens
from gpubench.suites.sentences import Corpus, Sentence

pytestmark = pytest.mark.torch


def corpus(*sentences):
    return Corpus(
        sentences=tuple(
            Sentence(words=tuple(words), labels=tuple(labels)) for words, labels in sentences
        ),
        files=(),
        marker_lines=0,
    )


MIXED = corpus(
    (["中", "共", "中", "央"], ["B-ORG", "I-ORG", "I-ORG", "I-ORG"]),
    (["playing", "Köln", "的"], ["O", "B-LOC", "O"]),
)
LABELS = MIXED.labels


@pytest.fixture
def tokenizer(tmp_path):
    def built(on, entries=200):
        place = str(tmp_path / "tokenizer.json")
        tokens.train(on, entries).save(place)
        return tokens.load(place)

    return built


def test_labels_stand_where_their_words_begin(tokenizer):
    own = tokenizer(MIXED)
    encoded = tokens.encode(MIXED, own, LABELS, 32)
    for row, sentence in enumerate(MIXED.sentences):
        word_ids = own(list(sentence.words), is_split_into_words=True).word_ids()
        for position, label in enumerate(encoded.labels[row].tolist()):
            word = word_ids[position] if position < len(word_ids) else None
            is_first = word is not None and word_ids.index(word) == position
            expected = LABELS.index(sentence.labels[word]) if is_first else tokens.IGNORED
            assert label == expected


@pytest.mark.parametrize(
    ("word_ids", "row", "said"),
    [
        ([None, 0, 1, 0, None], [-100, 1, 0, 1, -100], "word 1 of 'a b' carries 2 labels"),
        ([None, 0, 1, None], [-100, 0, 1, -100], "word 1 of 'a b' carries 1 labels"),
        ([None, 0, 1, None], [-100, 1, -100, -100], "word 2 of 'a b' carries 0 labels"),
        ([None, 0, 1, None], [1, 1, 0, -100], "a label stands on a special token"),
    ],
    ids=["a word comes twice", "labels shifted", "a label lost", "a label too many"],
)
def test_labels_that_are_not_where_their_words_are_end_it(word_ids, row, said):
    sentence = Sentence(words=("a", "b"), labels=("B-PER", "O"))
    with pytest.raises(BadData, match=said):
        tokens.hold_aligned(word_ids, row, sentence, {"": -100, "O": 0, "B-PER": 1})


class Scrambled:
    """A tokenizer that names words in an order of its own."""

    def __init__(self, plain, word_ids):
        self._plain, self._word_ids = plain, word_ids

    def __call__(self, sentences, **options):
        answer = self._plain(sentences, **options)
        answer.word_ids = lambda index: self._word_ids
        return answer


@pytest.mark.parametrize("word_ids", [[None, 0, 1, 0, None], [None, 0, 5, 1, None]])
def test_a_tokenizer_that_loses_track_of_words_teaches_nothing(tokenizer, word_ids):
    sentence = Sentence(words=("中", "央", "中"), labels=("B-ORG", "I-ORG", "O"))
    broken = Scrambled(tokenizer(MIXED), word_ids)
    with pytest.raises(BadData, match="the tokenizer"):
        tokens.batch([sentence], broken, LABELS, 5)


def test_every_word_has_exactly_one_label(tokenizer):
    encoded = tokens.encode(MIXED, tokenizer(MIXED), LABELS, 32)
    labelled = (encoded.labels != tokens.IGNORED).sum(1).tolist()
    assert labelled == [len(s.words) for s in MIXED.sentences]


def test_a_word_of_several_sub_tokens_is_labelled_once(tokenizer):
    long = corpus((["abcdefgh"], ["B-PER"]))
    few = tokenizer(MIXED, entries=40)
    encoded = tokens.encode(long, few, long.labels, 16)
    assert (encoded.labels != tokens.IGNORED).sum() == 1


def test_a_sentence_beyond_the_length_is_cut_and_counted(tokenizer):
    words = ["的"] * 50
    long = corpus((words, ["O"] * 50), (["的"], ["O"]))
    encoded = tokens.encode(long, tokenizer(MIXED), long.labels, 12)
    assert encoded.input_ids.shape == (2, 12)
    assert (encoded.sentences_truncated, encoded.words_cut) == (1, 40)
    assert int(encoded.attention_mask.sum()) == 12 + 3


def test_a_sentence_that_just_fits_is_not_cut(tokenizer):
    exact = corpus((["的"] * 10, ["O"] * 10))
    encoded = tokens.encode(exact, tokenizer(MIXED), exact.labels, 12)
    assert (encoded.sentences_truncated, encoded.words_cut) == (0, 0)


def test_words_that_vanish_in_the_tokenizer_are_counted_and_not_as_cut(tokenizer):
    odd = corpus((["的", "\u3000", "\u200b", "的"], ["O"] * 4))
    encoded = tokens.encode(odd, tokenizer(MIXED), odd.labels, 12)
    assert encoded.words_cut == 0
    assert encoded.words_without_token == 2
    assert (encoded.labels != tokens.IGNORED).sum() == 2


def test_words_outside_the_vocabulary_are_counted(tokenizer):
    unknown = corpus((["龘"], ["O"]))
    assert tokens.encode(unknown, tokenizer(MIXED), unknown.labels, 8).unknown_tokens == 1


def test_a_tokenizer_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadUsage, match="cannot load the tokenizer of") as caught:
        tokens.load(str(tmp_path / "nothing"))
    assert "\n" not in str(caught.value)
