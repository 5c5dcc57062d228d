#!/usr/bin/env bash
# Puts gpubench into a venv above the interpreter whose stack is measured: what is installed there is
# found, and stays as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=ci/runner.sh
. "$here/runner.sh"

case $GPUBENCH_INSTALL in
    false)
        output python "$GPUBENCH_PYTHON"
        exit 0
        ;;
    true) ;;
    *)
        echo "::error title=gpubench::the input install is true or false"
        exit 2
        ;;
esac

place=${RUNNER_TEMP:?}/gpubench-venv
muted "$GPUBENCH_PYTHON" -m venv --clear --system-site-packages "$place"
# where it is a venv itself, its own packages are not those of the system
stack=$("$GPUBENCH_PYTHON" -c '
import sys
print("\n".join(path for path in sys.path if path.endswith("-packages")))')
site=$("$place/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$stack" >"$site/stack.pth"
# [gate] holds no torch: a stack that is there is used, and none is moved
muted "$place/bin/python" -m pip install --disable-pip-version-check --quiet "$here/..[gate]"
output python "$place/bin/python"
