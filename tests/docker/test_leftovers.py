"""What is planted in an image is found, in whichever layer and however it was hidden."""

import base64
import hashlib
import io
import json
import tarfile

import pytest

from tests.docker.leftovers import leftovers

TOKEN = b"hf_" + b"aZ3kQ9xV" * 4
KEY = b"-----BEGIN OPENSSH " + b"PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
SITE = "opt/venv/lib/python3.11/site-packages"
CLEAN = {
    "etc/os-release": b"NAME=Debian\n",
    "etc/pip.conf": b"",  # what a mount leaves
    "opt/gpubench/constraints.txt": b"torch==2.8.0\n",
}


@pytest.fixture
def image(tmp_path):
    """Answers what is found in an image of these layers, settings and history."""

    def judge(*layers, **config):
        found = [{"digest": f"sha256:{_layer(tmp_path, files)}"} for files in (CLEAN, *layers)]
        settings = {"config": config, "history": [{"created_by": config.pop("history", "")}]}
        (tmp_path / "config").write_text(json.dumps(settings))
        manifest = {"config": {"digest": "sha256:config"}, "layers": found}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return leftovers(tmp_path)

    return judge


def _layer(folder, files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    name = hashlib.sha256(stream.getvalue()).hexdigest()
    (folder / name).write_bytes(stream.getvalue())
    return name


def test_an_image_without_leftovers_is_clean(image):
    assert image({}) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("workspace/notes.txt", b"token is " + TOKEN),
        ("opt/venv/bin/thing", b"\0\1binary" + b"\0" * 70000 + TOKEN),
        ("etc/app.conf", b"url = https://me:hunter22hunter@registry.example.com/simple\n"),
        ("etc/app.conf", b"JUPYTER_TOKEN=8f2d1c94b07e6a35d18c4e92\n"),
        ("etc/app.conf", b"password: correct-horse-battery\n"),
        ("srv/key", KEY),
        ("srv/aws", b"AKIA" + b"ABCDEFGHIJKLMNOP"),
        ("etc/pip.conf", b"[global]\n"),
        ("run/pip-ca.crt", b"-----BEGIN CERTIFICATE-----"),
        ("etc/ssh/ssh_host_ed25519_key", b"x"),
        ("home/gpubench/.ssh/authorized_keys", b"ssh-ed25519 AAAA"),
        ("root/.netrc", b"machine x"),
        ("root/.cache/pip/http/0", b"x"),
        ("var/lib/apt/lists/deb.debian.org_Packages", b"x"),
        ("var/cache/apt/archives/gcc.deb", b"x"),
        ("var/cache/apt/pkgcache.bin", b"x"),
        ("tmp/build.log", b"x"),
        ("opt/gpubench/distributed/__pycache__/a.pyc", b"x"),
        ("opt/torch-2.8.0.whl", b"x"),
    ],
)
def test_what_is_planted_is_found_though_a_later_layer_deletes_it(image, path, data):
    deleted = path.rpartition("/")
    (problem,) = image({path: data}, {f"{deleted[0]}/.wh.{deleted[2]}": b""})
    assert problem.startswith(f"layer 2: {path} ")
    assert TOKEN.decode() not in problem


@pytest.mark.parametrize(
    "config",
    [
        {"Env": ["HF_TOKEN=" + TOKEN.decode()]},
        {"Labels": {"who": "https://me:hunter22hunter@git.example.com"}},
        {"history": "/bin/sh -c pip install --index-url https://a:b4dpassw0rd@pypi.example.com x"},
    ],
)
def test_what_stands_in_settings_or_history_is_found(image, config):
    (problem,) = image(**config)
    assert problem.split(" ")[0] in ("variable", "label", "history")


def test_a_file_of_a_released_wheel_is_public_until_it_is_changed(image):
    sign = base64.urlsafe_b64encode(hashlib.sha256(KEY).digest()).rstrip(b"=").decode()
    wheel = {
        f"{SITE}/tornado/test/test.key": KEY,
        f"{SITE}/tornado-6.5.dist-info/RECORD": f"tornado/test/test.key,sha256={sign},9\n".encode(),
    }
    assert image(wheel) == []
    changed = {**wheel, f"{SITE}/tornado/test/test.key": KEY + b"another"}
    assert "test.key holds" in image(changed)[0]


def test_a_file_of_debian_is_public_until_it_is_changed(image):
    sums = f"{hashlib.md5(KEY).hexdigest()}  bin/example\n".encode()
    package = {"usr/bin/example": KEY, "var/lib/dpkg/info/example.md5sums": sums}
    assert image(package) == []
    assert "usr/bin/example holds" in image({**package, "usr/bin/example": KEY + b"x"})[0]


def test_a_certificate_that_debian_did_not_bring_is_found(image):
    def certificate(letters):
        return b"-----BEGIN CERTIFICATE-----\n" + letters + b"\n-----END CERTIFICATE-----\n"

    bundle = "etc/ssl/certs/ca-certificates.crt"
    debian = {"usr/share/ca-certificates/mozilla/a.crt": certificate(b"AAAA")}
    assert image({**debian, bundle: certificate(b"AAAA")}) == []
    (problem,) = image({**debian, bundle: certificate(b"AAAA") + certificate(b"BBBB")})
    assert "1 certificates are not Debian's" in problem
