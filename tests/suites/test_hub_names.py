"""What is named on a hub is here, can be had, or is told at once."""

import http.server
import os
import threading
import time

import pytest

from gpubench.errors import BadUsage
from gpubench.suites import hub_names
from gpubench.suites.hub_names import DataName, absolute, model_repository, settle


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(hub_names, "PATIENCE_SECONDS", 0.3)
    return tmp_path


def cached(home, name, commit="abc"):
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "config.json").write_text("{}")


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("hf:msra", ("msra", None, None)),
        ("hf:org/msra:zh@test", ("org/msra", "zh", "test")),
        ("hf:org/msra@test[:10%]", ("org/msra", None, "test[:10%]")),
    ],
)
def test_a_name_has_parts(given, parts):
    named = DataName.parse(given)
    assert (named.name, named.config, named.split) == parts
    assert f"hf:{named.words}" == given


@pytest.mark.parametrize("given", ["hf:", "hf:@train", "hf:a@", "hf:a:"])
def test_a_name_that_names_nothing_is_refused(given):
    with pytest.raises(BadUsage, match="names no data set"):
        DataName.parse(given)


def test_a_folder_is_made_whole_and_a_name_stays(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    assert absolute("hf:set@test") == f"hf:{tmp_path / 'set'}@test"
    assert absolute("hf:org/other@test") == "hf:org/other@test"
    assert absolute("set") == str(tmp_path / "set")


@pytest.mark.parametrize(
    ("model", "suite", "repository"),
    [
        ("org/bert", "bert-ner", "org/bert"),
        (".", "bert-ner", None),
        ("deit_tiny_patch16_224", "deit", None),
        ("hf-hub:timm/deit", "deit", "timm/deit"),
        (None, "deit", None),
    ],
)
def test_which_models_are_on_a_hub(model, suite, repository):
    assert model_repository(model, suite) == repository


def test_a_cached_model_is_used_without_the_net(home, nobody):
    cached(home, "org/bert")
    settle(["org/bert"], [])
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("commit", ["abc\n", "gone"])
def test_a_branch_must_lead_to_a_snapshot(home, nobody, commit):
    cached(home, "org/bert", commit)
    if commit == "gone":
        with pytest.raises(BadUsage, match="org/bert is not in the hub's cache"):
            settle(["org/bert"], [])
    else:
        settle(["org/bert"], [])


def test_a_model_that_cannot_be_had_is_told_at_once(home, nobody):
    began = time.monotonic()
    with pytest.raises(BadUsage, match=r"hub cannot be reached; fetch it .*hf download org/bert"):
        settle(["org/bert"], [])
    assert time.monotonic() - began < 3


def test_a_hub_that_may_not_be_asked_is_not(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadUsage, match="may not be asked"):
        settle(["org/bert"], [])


class Mute(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        time.sleep(2)

    def log_message(self, *_):
        pass


def test_a_hub_that_says_nothing_is_not_waited_for(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mute)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(BadUsage, match="cannot be reached"):
        settle(["org/bert"], [])
    server.shutdown()
    server.server_close()


def test_data_elsewhere_is_asked_of_the_cache_where_there_is_no_net(nobody):
    settle([], ["hf:org/msra"])
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_hub_that_answers_is_asked(monkeypatch):
    monkeypatch.setattr(hub_names, "_is_reachable", lambda: True)
    settle(["org/bert"], ["hf:org/msra"])
    assert os.environ["HF_HUB_OFFLINE"] == "0"
