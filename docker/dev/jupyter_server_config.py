"""JupyterLab's settings: every address, one token or password, nothing else opens it."""

import os
from pathlib import Path

SECRETS = Path("/run/secrets")


def secret(name):
    """The value of a secret that start.py has judged; kernels and terminals do not inherit it."""
    variable = os.environ.pop(name, "").strip()
    file = SECRETS / name.lower()
    return file.read_text(encoding="utf-8").strip() if file.exists() else variable


token, password = secret("JUPYTER_TOKEN"), secret("JUPYTER_PASSWORD")

c = get_config()  # noqa: F821 - traitlets gives it
c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the container's own address; publishing it is a choice
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = False
c.ServerApp.allow_password_change = False
c.IdentityProvider.token = token
if password:
    from jupyter_server.auth import passwd

    c.PasswordIdentityProvider.hashed_password = passwd(password)
    c.PasswordIdentityProvider.password_required = not token
if not token and not password:
    raise SystemExit("neither JUPYTER_TOKEN nor JUPYTER_PASSWORD: start it through `start`")
