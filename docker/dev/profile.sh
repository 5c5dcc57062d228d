# shellcheck shell=sh
# Login shells start from Debian's own PATH, and sshd from a umask that shares nothing.
case ":$PATH:" in
    *:/opt/venv/bin:*) ;;
    *) PATH=/opt/venv/bin:$PATH && export PATH ;;
esac
umask "${UMASK:-0002}"
