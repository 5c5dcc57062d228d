"""Characters that carry their number are read without it, and never half of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.errors import BadData
from gpubench.suites.sentences import read_corpus


def read(tmp_path, *sentences):
    path = tmp_path / "weibo.conll"
    path.write_text("\n".join("".join(f"{w}\tO\n" for w in s) for s in sentences))
    return read_corpus(str(path))


def words(corpus):
    return [list(sentence.words) for sentence in corpus.sentences]


def test_the_numbers_are_taken_off_and_said(tmp_path):
    corpus = read(tmp_path, ["科0", "技1", "全0", "国1"], ["全0"])
    assert words(corpus) == [["科", "技", "全", "国"], ["全"]]
    assert corpus.numbered_files == ("weibo.conll",)


@pytest.mark.parametrize(
    "sentence", [["A0", "B1"], ["科", "技"], ["科1", "技2"], ["第1", "的", "2", "第3"]],
    ids=["no ideograph", "no number", "not from 0", "few"],
)  # fmt: skip
def test_words_that_are_no_numbered_characters_stay(tmp_path, sentence):
    corpus = read(tmp_path, sentence)
    assert words(corpus) == [sentence]
    assert corpus.numbered_files == ()


def test_a_file_that_is_numbered_in_most_places_is_refused_with_the_line(tmp_path):
    with pytest.raises(BadData, match=r"line 3: 3 of 4 words are a character with its number"):
        read(tmp_path, ["科0", "技1", "全", "国0"])


@given(
    st.lists(
        st.lists(st.sampled_from("科技全国中央致公党"), min_size=1, max_size=12),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_numbered_characters_come_back_as_they_were(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("numbered")
    numbered = [[f"{c}{at % 10}" for at, c in enumerate(s)] for s in sentences]
    assert words(read(folder, *numbered)) == sentences
