"""A paste with tokens, proxy credentials and home paths comes out clean, wherever it comes out."""

import json
import os
from pathlib import Path

import pytest

from gpubench import codec
from gpubench.cli.app import main
from gpubench.env import probe
from gpubench.env.sources import Sources
from gpubench.render.findings import FORMATS
from tests.checks.healthy import QUICK
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python

UUID = "5ebe9f43-ac33-420b-8a07-5b3b8d2e1f00"
MARK = "zq7Kpv"
"""Stands in every secret below, and nowhere else."""
KEY = f"""-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,{MARK}00000000

MIIEpAIBAAKCAQEA{MARK}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
bbbbbbbbbbbbbbbb{MARK}bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
{MARK}ccccccccc==
-----END RSA PRIVATE KEY-----"""
SECRETS = {
    "huggingface": f"hf_{MARK}abcdefghijklmnopqrstuvwxyz01",
    "github": f"ghp_{MARK}abcdefghijklmnopqrstuvwxyz0123",
    "github-fine": f"github_pat_11{MARK}0_abcdefghijklmnop",
    "gitlab": f"glpat-{MARK}abcdefghijklmn",
    "openai": f"sk-proj-{MARK}abcdefghijklmnopqrstuvwx",
    "anthropic": f"sk-ant-api03-{MARK}-abcdefghijklmnop",
    "aws": f"AWS_SECRET_ACCESS_KEY=wJalr/{MARK}/bPxRfiCYEXAMPLEKEY",
    "aws-id": f"AKIA{MARK.upper()}EXAMPLE0",
    "aws-session": f"ASIA{MARK.upper()}EXAMPLE0",
    "google": f"AIzaSy{MARK}abcdefghijklmnopqrstuvwxyz0",
    "slack": f"xoxb-1234567890-{MARK}abcdef",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{MARK}",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{MARK}fQ.c2ln{MARK}",
    "bearer": f"Authorization: Bearer {MARK}.abcdef",
    "basic": f"Authorization: Basic {MARK}YWxpY2U6",
    "authorization": f'"authorization": "token {MARK}"',
    "password": f"password={MARK}",
    "password-quoted": f'"password": "hunter 2, {MARK};x"',
    "password-mixed": f"password=a,b;{MARK}",
    "password-option": f"--db-password {MARK}",
    "escaped": rf"sent {{\"api_key\": \"{MARK}\"}}",
    "proxy": f"HTTP_PROXY=http://alice:{MARK}@proxy:3128",
    "proxy-at": f"https_proxy=http://alice:p@ss{MARK}@proxy:3128",
    "proxy-bare": f"HTTPS_PROXY=alice:{MARK}@proxy:3128",
    "index": f"pip install --extra-index-url https://user:{MARK}@pypi.example/simple torch",
    "index-token": f"--index-url=https://{MARK}@pypi.example/simple",
    "wandb": f"WANDB_API_KEY=0123456789abcdef{MARK}",
    "wandb-asked": f"wandb: Paste an API key: {MARK}0123456789",
    "home": f"/home/{MARK}/venv/lib/python3.11/site-packages/torch/__init__.py",
    "home-cluster": f"/nfs/home2/{MARK}/models",
    "home-mac": f"/Users/{MARK}/models",
    "home-windows": rf"C:\Users\{MARK}\AppData\torch\lib\c10.dll",
    "home-windows-blank": rf"C:\Users\Carol {MARK}\AppData\torch\lib\c10.dll",
    "home-windows-escaped": rf"'c:\\users\\{MARK}\\torch'",
    "share": rf"\\{MARK}\share\torch",
    "prompt": f"alice@gpu-{MARK}-17:~$ python train.py",
    "prompt-user": f"(base) {MARK}@gpu-node-17:/data/x# python train.py",
    "prompt-red-hat": f"[alice@gpu-{MARK} ~]$ python train.py",
    "mail": f"{MARK}.smith@example.org",
    "uname": f"Linux gpu-{MARK} 5.15.0-84-generic #93-Ubuntu SMP x86_64 GNU/Linux",
    "nccl": f"gpu-{MARK}:4021:4077 [0] NCCL INFO Bootstrap : Using eth0",
    "syslog": f"Nov 21 10:00:00 gpu-{MARK} kernel: NVRM: loading",
    "journal": f"[    5.123456] gpu-{MARK} kernel: NVRM: loading",
    "torchrun": f"  host      : gpu-{MARK}",
    "uuid": f"GPU-{UUID}",
    "uuid-short": f"CUDA_VISIBLE_DEVICES=GPU-{UUID[:8]}",
    "serial": "Serial Number                         : 1652922010345",
    "private-key": KEY,
    "private-key-escaped": KEY.replace("\n", "\\n"),
}
TELLTALES = (MARK, MARK.upper(), UUID[:8], "1652922010345")
ONE_LINE = {name: text for name, text in SECRETS.items() if "\n" not in text}
REPORT = """Collecting environment information...
PyTorch version: 2.6.0+cu124
CUDA used to build PyTorch: 12.4
OS: Ubuntu 22.04.4 LTS (x86_64) {0}
GCC version: (Ubuntu 11.4.0) 11.4.0 {0}
Libc version: glibc-2.35 {0}
Python version: 3.12.9 {0}
Python platform: Linux-6.8.0-52-generic-x86_64-with-glibc2.35 {0}
Is CUDA available: True
CUDA_MODULE_LOADING set to: LAZY {0}
GPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB {0}
Nvidia driver version: 550.144.03
cuDNN version: Probably one of the following:
/usr/lib/x86_64-linux-gnu/libcudnn.so.9.1.0
{0}/libcudnn.so.8.9.7
[pip3] numpy==2.2.3
[pip3] torch==2.6.0+cu124
torchvision @ {0}/torchvision-0.20.0-cp312.whl
triton @ {0}/triton-3.1.0-cp312.whl
LD_LIBRARY_PATH={0}
export NCCL_DEBUG="{0}"
CUDA_HOME={0}
PYTHONPATH={0}
$ echo $CUDA_PATH
{0}
- `Accelerate` version: 0.34.2
- `accelerate` bash location: {0}
- `Accelerate` default config:
        - compute_environment: {0}
        - hub_token: {1}
        - use_cpu: False
[12.3] NVRM: Xid (PCI:0000:05:00): 79, pid=12, name={0}, GPU has fallen off the bus. {0}
+---------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.144.03             Driver Version: 550.144.03   CUDA Version: 12.4     |
| Processes:                                                                            |
|    0   N/A  N/A      1234      C   {0}    512MiB |
+---------------------------------------------------------------------------------------+
{0}
  File "{0}", line 7, in <module>
RuntimeError: CUDA error: no kernel image is available for execution on the device {0}
ImportError: {0}: undefined symbol: cudaLaunchKernel {0}
OSError: {0}
"""


def paste(secret):
    """A report that holds a secret wherever readers keep anything."""
    return REPORT.format(secret, MARK)


def everything_in(folder, capsys):
    shown = capsys.readouterr()
    files = [path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()]
    return "\n".join([shown.out, shown.err, *files])


def leaked(text):
    return [line for line in text.splitlines() if any(word in line for word in TELLTALES)]


@pytest.fixture
def pasted(tmp_path):
    """Writes a paste outside the folder that is searched, and names it by a harmless path."""

    def write(text, name="paste.txt"):
        place = tmp_path / "in" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, "utf-8")
        return str(place)

    (tmp_path / "out").mkdir()
    return write


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_anywhere_in_a_paste_is_in_no_answer_and_no_saved_snapshot(
    pasted, tmp_path, capsys, name
):
    out = tmp_path / "out"
    source = pasted(paste(SECRETS[name]))
    main(["doctor", "--from", source, "--format", "json", "--save-snapshot", str(out / "s.json")])
    assert leaked(everything_in(out, capsys)) == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_beside_an_error_alone_is_not_shown(pasted, tmp_path, capsys, name):
    error = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    source = pasted(f"{SECRETS[name]}\n{error}\n> {SECRETS[name]}\n")
    main(["doctor", "--from", source, "--format", "json"])
    shown = capsys.readouterr()
    assert "no kernel image" in shown.out
    assert leaked(shown.out + shown.err) == []


ALL = "\n".join(paste(secret) for secret in ONE_LINE.values()) + "\n".join(SECRETS.values())


@pytest.mark.parametrize("form", FORMATS)
def test_all_secrets_at_once_are_in_no_format(pasted, tmp_path, capsys, form):
    out = tmp_path / "out"
    earlier = out / "earlier.json"
    earlier.write_text(codec.to_json(QUICK))
    options = ["--against", str(earlier), "--save-snapshot", str(out / "kept.json")]
    main(["doctor", "--from", pasted(ALL), "--format", form, *options])
    options = ["--against", pasted(ALL), "--output", str(out / "answer")]
    main(["doctor", "--from", str(earlier), "--format", form, *options])
    assert leaked(everything_in(out, capsys)) == []


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_plan_of_a_paste_shows_no_secret(pasted, tmp_path, capsys, form):
    main(["plan", "--from", pasted(ALL), "--format", form])
    assert leaked(everything_in(tmp_path / "out", capsys)) == []


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize("name", ONE_LINE)
def test_a_plan_of_a_file_shows_no_secret(pasted, tmp_path, capsys, form, name):
    secret = ONE_LINE[name]
    lines = [
        "FROM nvidia/cuda:12.1.0-devel-ubuntu22.04",
        f"LABEL note='{secret}'",
        f"ENV NOTE=\"{secret}\" CUDA_VISIBLE_DEVICES=''",
        f"ARG SOMETHING={secret}",
        f"ENV LD_LIBRARY_PATH={secret}",
        f"RUN echo '{secret}' && pip install torch==2.6.0 torchvision==0.20.0 # {secret}",
        f"RUN {secret}/pip install torch==2.6.0+cu121",
    ]
    main(["plan", "--file", pasted("\n".join(lines), "Dockerfile"), "--format", form])
    assert leaked(everything_in(tmp_path / "out", capsys)) == []


def test_a_snapshot_that_someone_wrote_by_hand_is_cleaned_too(pasted, tmp_path, capsys):
    plain = codec.to_plain(QUICK)
    plain["environment"] = {"WANDB_API_KEY": MARK, "PYTHONPATH": f"/home/{MARK}/x"}
    plain["unread"] = {"driver": f"token={MARK}"}
    out = tmp_path / "out"
    source = pasted(json.dumps(plain))
    for form in FORMATS:
        main(["doctor", "--from", source, "--format", form, "--save-snapshot", str(out / "kept")])
        assert leaked(everything_in(out, capsys)) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_live_machine_shows_no_secret(tmp_path, monkeypatch, capsys, form):
    home = tmp_path / "home" / MARK
    home.mkdir(parents=True)
    python = Path(bare_python())
    (home / "venv").symlink_to(python.parent.parent)
    site = Site(home / "site")
    said = home / "said.txt"
    said.write_text("\n".join(SECRETS.values()) + "\n")
    error = f"{ONE_LINE['huggingface']}: libcudnn.so.9 {ONE_LINE['proxy']} {ONE_LINE['home']}"
    site.torch("2.8.0", init=f"import sys; words = open({str(said)!r}).read(); print(words); "
               f"sys.stderr.write(words); raise ImportError({error!r})")  # fmt: skip
    variables = {
        **os.environ,
        "PYTHONPATH": str(site.folder),
        "HF_TOKEN": SECRETS["huggingface"],
        "LD_LIBRARY_PATH": f"/home/{MARK}/lib",
        "NCCL_DEBUG": SECRETS["proxy"],
        "CUDA_VISIBLE_DEVICES": f"GPU-{UUID}",
        "HTTP_PROXY": SECRETS["proxy"],
        "CC": f"/home/{MARK}/cc",
        "CONDA_DEFAULT_ENV": f"/home/{MARK}/conda",
    }
    monkeypatch.setattr(probe, "Sources", lambda: Sources(variables=variables))
    out = tmp_path / "out"
    out.mkdir()
    options = ["--timeout", "20", "--save-snapshot", str(out / "kept.json")]
    main(["doctor", "--python", str(home / "venv/bin/python"), "--format", form, *options])
    text = everything_in(out, capsys)
    assert "libcudnn" in text
    assert leaked(text) == []
