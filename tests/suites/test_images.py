"""Folders of photographs: what is in them is read or counted, never dropped in silence."""

import itertools
import os

import pytest

pytest.importorskip("torchvision")

import numpy as np
from PIL import Image

from gpubench.errors import BadData
from gpubench.suites import images

pytestmark = pytest.mark.torch


def picture(path, seed=0, size=(60, 40), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for index in range(3):
        picture(tmp_path / "cat" / f"{index}.jpg", seed=index)
        picture(tmp_path / "dog" / "deep" / f"{index}.png", seed=index)
    return tmp_path


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_sub_folders_are_classes(folder):
    found = images.list_folder(str(folder))
    assert found.classes == ("cat", "dog")
    assert [image.label for image in found.images] == [0, 0, 0, 1, 1, 1]


def test_a_folder_without_classes_is_one_class(tmp_path):
    picture(tmp_path / "a.jpg")
    assert images.list_folder(str(tmp_path)).classes == (".",)


def test_a_truncated_jpeg_is_skipped_and_named(folder):
    truncate(folder / "cat" / "1.jpg")
    broken, found = images.survey(str(folder))
    assert broken == (str(folder / "cat" / "1.jpg"),)
    assert (found["images_found"], found["images_decoded"], found["images_unreadable"]) == (6, 5, 1)
    assert "cat/1.jpg" in found["unreadable"][0]
    assert str(folder) not in str(found["unreadable"])


def test_other_files_are_counted(folder):
    (folder / "cat" / "notes.txt").write_text("a cat")
    (folder / "LICENSE").write_text("free")
    assert images.survey(str(folder))[1]["other_files"] == 2


def test_what_is_no_image_inside_is_unreadable(folder):
    (folder / "cat" / "fake.jpg").write_text("not a jpeg")
    assert images.survey(str(folder))[1]["images_unreadable"] == 1


def test_a_fifo_named_like_a_photograph_does_not_block(folder):
    os.mkfifo(folder / "cat" / "pipe.jpg")
    assert "not a regular file" in images.survey(str(folder))[1]["unreadable"][0]


def test_files_that_were_not_reached_in_time_are_said(folder, monkeypatch):
    monkeypatch.setattr(images, "SURVEY_SECONDS", -1.0)
    found = images.survey(str(folder))[1]
    assert (found["images_not_checked"], found["images_decoded"]) == (6, 0)


@pytest.mark.parametrize("kind", ["missing", "file", "empty"])
def test_a_place_without_images_is_refused(tmp_path, kind):
    place = tmp_path / kind
    if kind == "file":
        place.write_text("")
    if kind == "empty":
        place.mkdir()
    with pytest.raises(BadData, match=r"no such folder|not a folder|no readable image"):
        images.survey(str(place))


def test_a_folder_of_broken_images_is_refused_with_one_of_them(tmp_path):
    truncate(picture(tmp_path / "a.jpg"))
    with pytest.raises(BadData, match=r"none of 1 images can be read, .*a\.jpg"):
        images.survey(str(tmp_path))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_every_kind_of_picture_becomes_three_normalised_channels(tmp_path, mode):
    picture(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), mode=mode)
    folder = images.list_folder(str(tmp_path))
    tensor, label, replaced = images.ImageSet(folder.images, 32)[0]
    assert tuple(tensor.shape) == (3, 32, 32)
    assert (label, replaced) == (0, False)
    assert -3 < float(tensor.min()) < float(tensor.max()) < 3


def test_a_file_that_breaks_after_the_survey_is_replaced_and_counted(folder):
    listed = images.list_folder(str(folder))
    truncate(folder / "cat" / "0.jpg")
    stream = images.ImageStream(listed.images, size=32, batch_size=4, seed=1)
    batches = list(itertools.islice(stream.batches(workers=0), 3))
    assert all(batch["images"].shape == (4, 3, 32, 32) for batch in batches)
    assert stream.read == 12
    assert stream.replaced == 2  # one of six files, over two epochs


def test_workers_deliver_what_one_process_would(folder):
    listed = images.list_folder(str(folder))

    def first(workers):
        stream = images.ImageStream(listed.images, size=32, batch_size=4, seed=1)
        return next(stream.batches(workers=workers))

    alone, helped = first(0), first(2)
    assert (alone["images"] == helped["images"]).all()
    assert (alone["labels"] == helped["labels"]).all()


def test_hidden_folders_and_links_that_lead_back_are_no_classes(folder):
    picture(folder / ".thumbnails" / "a.jpg")
    (folder / "loop").symlink_to(folder)
    assert images.list_folder(str(folder)).classes == ("cat", "dog")


def test_a_strip_of_pixels_is_refused_before_it_is_resized(tmp_path):
    picture(tmp_path / "strip.png", size=(2000, 3))
    picture(tmp_path / "plain.png")
    assert "2000 × 3 pixels" in images.survey(str(tmp_path))[1]["unreadable"][0]


def test_a_name_that_is_not_utf8_is_read_and_shown(tmp_path):
    good = picture(tmp_path / "a.jpg")
    good.rename(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    (tmp_path / os.fsdecode(b"b\xff.jpg")).write_bytes(b"broken")
    broken, found = images.survey(str(tmp_path))
    assert (found["images_decoded"], len(broken)) == (1, 1)
    assert found["unreadable"][0].startswith("b?.jpg: ")
