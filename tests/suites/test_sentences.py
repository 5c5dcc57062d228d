"""Corpora are read as they are, or refused with the line that is wrong."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.errors import BadData
from gpubench.suites.sentences import LABEL, read_corpus


def corpus(tmp_path, content, name="train.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_corpus(str(path))


def words(read):
    return [list(zip(s.words, s.labels, strict=True)) for s in read.sentences]


EXPECTED = [[("中", "B-ORG"), ("共", "I-ORG")], [("的", "O")]]


@pytest.mark.parametrize(
    "content",
    [
        "中\tB-ORG\n共\tI-ORG\n\n的\tO\n",
        "中 B-ORG\n共 I-ORG\n\n的 O",
        "\ufeff中\tB-ORG\r\n共\tI-ORG\r\n\r\n的\tO\r\n",
        "\n\n中\tB-ORG\n共\tI-ORG\n  \n\n的\tO\n\n\n",
        "-DOCSTART- -X- O\n\n中 B-ORG\n共 I-ORG\n\n的 O\n",
        "# doc 1\n中 B-ORG\n共 I-ORG\n\n的 O\n",
    ],
    ids=["tabs", "spaces, no last newline", "BOM and CRLF", "blank lines", "DOCSTART", "comment"],
)
def test_the_shapes_a_corpus_comes_in(tmp_path, content):
    assert words(corpus(tmp_path, content)) == EXPECTED


def test_the_last_of_four_columns_is_the_label(tmp_path):
    read = corpus(tmp_path, "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n")
    assert words(read) == [[("EU", "B-ORG"), ("rejects", "O")]]


def test_a_word_may_be_any_character_but_a_line_break(tmp_path):
    read = corpus(tmp_path, "\u3000\tO\n\u2028\tO\n#\tO\n")
    assert words(read) == [[("\u3000", "O"), ("\u2028", "O"), ("#", "O")]]


def test_an_ideographic_space_is_a_word_and_no_separator(tmp_path):
    assert words(corpus(tmp_path, "\u3000 O\n国  B-LOC\n")) == [[("\u3000", "O"), ("国", "B-LOC")]]


def test_labels_come_with_o_first(tmp_path):
    assert corpus(tmp_path, "a B-PER\nb I-LOC\nc O\n").labels == ("O", "B-PER", "I-LOC")


def test_marker_lines_are_counted(tmp_path):
    assert corpus(tmp_path, "-DOCSTART- O\n\na O\n").marker_lines == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a O\nb\nc O\n", "line 2: one column"),
        ("a X O\nb O\n", "line 2: 2 columns, the lines before have 3"),
        ("a O\nb person\n", "line 2: the last column is 'person', not a label"),
        (b"a O\n\xd6\xd0 O\n", "line 2: not UTF-8"),
        (b"\xff\xfea\x00 \x00O\x00\n\x00", "line 1: the file is UTF-16"),
        (b"\x00" * 100_000, "line 1: longer than 65536 bytes"),
        (b"a\tO\rb\tO\r", "line 1: a carriage return within the line"),
        ("a,O\nb,B-PER\n", "line 1: one column; a word and its label are expected, with a tab"),
        ("B-PER a\nO b\n", "line 1: the last column is 'a', not a label"),
        ("a PER\n", "line 1: the last column is 'PER', not a label"),
        ("a O\nb B_PER\n", "line 2: the last column is 'B_PER', not a label"),
        ("a B-PER\nb M-PER\nc I-PER\n", "line 3: the label 'I-PER' is of another scheme"),
        ("a U-PER\n\nb S-LOC\n", "line 3: the label 'S-LOC' is of another scheme than U-PER"),
        ("", "no sentence"),
        ("\n\n", "no sentence"),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path, content, said):
    with pytest.raises(BadData, match=said):
        corpus(tmp_path, content)


def test_a_folder_is_read_file_by_file_in_order(tmp_path):
    (tmp_path / "b.bio").write_text("b O\n")
    (tmp_path / "a.bio").write_text("a O\n")
    (tmp_path / "README.md").write_text("not a corpus")
    read = read_corpus(str(tmp_path))
    assert read.files == ("a.bio", "b.bio")
    assert [s.words for s in read.sentences] == [("a",), ("b",)]


def test_a_folder_without_a_corpus_says_what_was_looked_for(tmp_path):
    with pytest.raises(BadData, match=r"no corpus file in it .*\*\.bio"):
        read_corpus(str(tmp_path))


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(BadData, match="no such file or folder"):
        read_corpus(str(tmp_path / "nowhere"))


def test_a_fifo_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadData, match="not a regular file"):
        read_corpus(str(tmp_path / "pipe"))


WORD = st.text(
    st.characters(exclude_categories=("Cs", "Zs", "Cc", "Zl", "Zp")), min_size=1, max_size=6
).filter(lambda word: word not in ("#", "-DOCSTART-"))


@given(
    st.lists(
        st.lists(st.tuples(WORD, st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"])), min_size=1),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["\t", " ", "   "]),
    st.sampled_from(["", "NN", "NN B-NP"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read_with_any_separator_and_further_columns(
    tmp_path_factory, sentences, separator, others, end
):
    lines = []
    for sentence in sentences:
        for word, label in sentence:
            lines.append(separator.join([word, *others.split(), label]))
        lines.append("")
    path = tmp_path_factory.mktemp("corpus") / "any.conll"
    path.write_bytes(end.join(lines).encode("utf-8"))
    assert words(read_corpus(str(path))) == sentences


def test_two_files_of_one_folder_must_share_a_scheme(tmp_path):
    (tmp_path / "a.bio").write_text("a B-PER\nb M-PER\n")
    (tmp_path / "b.bio").write_text("a B-PER\nb I-PER\n")
    with pytest.raises(BadData, match=r"b.bio, line 2: the label 'I-PER' is of another scheme"):
        read_corpus(str(tmp_path))


@given(st.binary(max_size=300))
def test_no_bytes_lead_to_anything_but_sentences_or_a_named_fault(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("corpus") / "any.txt"
    path.write_bytes(content)
    try:
        read = read_corpus(str(path))
    except BadData as problem:
        assert str(path) in str(problem)  # noqa: PT017 - either outcome is right
    else:
        assert all(len(s.words) == len(s.labels) > 0 for s in read.sentences)
        assert all(LABEL.fullmatch(label) for label in read.labels)
