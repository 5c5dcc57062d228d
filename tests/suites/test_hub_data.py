"""Data sets in a hub's own layout are read by what their columns say, or refused with them."""

import io

import pytest

pytest.importorskip("datasets")
pytest.importorskip("transformers")

from datasets import ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as Picture

from gpubench.errors import BadData
from gpubench.suites import hub_data, images
from gpubench.suites.sentences import read_corpus

pytestmark = pytest.mark.torch

NAMES = ["O", "B-LOC", "I-LOC"]
NER = Features(tokens=List(Value("string")), ner_tags=List(ClassLabel(names=NAMES)))
ROWS = {"tokens": [["中", "国"], ["人"]], "ner_tags": [[1, 2], [0]]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def stored(folder, rows, features, split="train"):
    """A data set as a hub has it: parquet files, and a README whose head says what they hold."""
    data = Dataset.from_dict(rows, features=features)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    data.to_parquet(str(folder / "data" / f"{split}-00000-of-00001.parquet"))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        + "".join(
            f"  - split: {path.name.partition('-')[0]}\n    path: data/{path.name}\n"
            for path in sorted((folder / "data").iterdir())
        )
        + "---\n"
    )
    return f"hf:{folder}"


def words(place):
    return [list(zip(s.words, s.labels, strict=True)) for s in read_corpus(place).sentences]


def test_named_labels_are_read_by_their_names(tmp_path):
    place = stored(tmp_path / "set", ROWS, NER)
    expected = [[("中", "B-LOC"), ("国", "I-LOC")], [("人", "O")]]
    assert words(hub_data.sentences(place, tmp_path / "out")) == expected


def test_labels_as_text_are_read_as_they_are(tmp_path):
    features = Features(words=List(Value("string")), labels=List(Value("string")))
    rows = {"words": [["a"]], "labels": [["B-PER"]]}
    place = stored(tmp_path / "set", rows, features)
    assert words(hub_data.sentences(place, tmp_path / "out")) == [[("a", "B-PER")]]


def test_a_split_is_chosen_by_name(tmp_path):
    stored(tmp_path / "set", ROWS, NER)
    place = stored(tmp_path / "set", {"tokens": [["x"]], "ner_tags": [[0]]}, NER, "test")
    assert words(hub_data.sentences(f"{place}@test", tmp_path / "out")) == [[("x", "O")]]
    assert len(words(hub_data.sentences(place, tmp_path / "train"))) == 2


@pytest.mark.parametrize(
    ("rows", "features", "said"),
    [
        (
            {"tokens": [["a"]], "ner_tags": [[1]]},
            Features(tokens=List(Value("string")), ner_tags=List(Value("int64"))),
            r"no one column of labels .* tokens \(list of string\), ner_tags \(list of int64\)",
        ),
        ({"text": ["a b"]}, Features(text=Value("string")), r"no one column of words .*has text"),
        (
            {"tokens": [["a", "b"]], "ner_tags": [[0]]},
            NER,
            r"set, row 1: 2 words and 1 labels",
        ),
        ({"tokens": [["a"], ["b\tc"]], "ner_tags": [[0], [0]]}, NER, r"row 2: .* cannot be a word"),
        ({"tokens": [["a"]], "ner_tags": [[-1]]}, NER, r"no label has the number -1"),
    ],
    ids=["numbers without names", "text", "lengths", "a tab", "no such label"],
)
def test_columns_that_are_no_labelled_words_are_refused(tmp_path, rows, features, said):
    place = stored(tmp_path / "set", rows, features)
    with pytest.raises(BadData, match=said) as caught:
        hub_data.sentences(place, tmp_path / "out")
    assert str(tmp_path) not in str(caught.value)


def test_a_split_that_is_not_there_is_one_line(tmp_path):
    place = stored(tmp_path / "set", ROWS, NER)
    with pytest.raises(BadData, match="cannot load the data set set@dev") as caught:
        hub_data.sentences(f"{place}@dev", tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_data_set_that_is_nowhere_is_one_line(tmp_path):
    with pytest.raises(BadData, match="cannot load the data set no/such") as caught:
        hub_data.sentences("hf:no/such", tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_photographs_keep_their_bytes_and_classes(tmp_path):
    stream = io.BytesIO()
    Picture.new("RGB", (40, 40), "red").save(stream, "JPEG")
    features = Features(image=Image(), label=ClassLabel(names=["cat", "a/b"]))
    good = {"bytes": stream.getvalue(), "path": "x.jpg"}
    broken = {"bytes": stream.getvalue()[:200], "path": "y.jpg"}
    rows = {"image": [good, good, broken], "label": [1, 0, 0]}
    raw = Dataset.from_dict(rows, features=Features(
        image=Image(decode=False), label=ClassLabel(names=["cat", "a/b"])))  # fmt: skip
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    raw.cast(features).to_parquet(str(folder / "train-0.parquet"))
    place = hub_data.photographs(f"hf:{tmp_path / 'set'}", tmp_path / "out")
    found = images.list_folder(place)
    assert found.classes == ("00000-cat", "00001-a_b")
    assert len(found.images) == 3
    left_out, facts = images.survey(place)
    assert (len(left_out), facts["images_unreadable"]) == (1, 1)
