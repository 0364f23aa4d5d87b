#!/bin/sh
# Makes .venv with the pinned packages, each checked against its hash, and does nothing when that is already so.
# The rule kept: whatever is missing is said in one line, with what to type.
#
#   setup.sh run    what the service needs
#   setup.sh dev    that, and what tests and checks need
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
    run) wanted=requirements.txt ;;
    dev) wanted=requirements-dev.txt ;;
    *) echo "usage: setup.sh run|dev" >&2; exit 2 ;;
esac

say() { echo "setup: $*"; }
stop() { echo "setup: $*" >&2; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 \
        /opt/homebrew/bin/python3 /usr/local/bin/python3 /usr/bin/python3; do
        [ -n "$name" ] || continue
        if fits "$name"; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# What an environment was made from: both files, because the development set contains the other.
mark_of() { cat requirements.txt "$wanted" | "$1" -c 'import hashlib, sys
print(sys.version.split()[0], hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }

is_marked() { [ -f ".venv/made-from-$1" ] && [ "$(cat ".venv/made-from-$1")" = "$2" ]; }

venv=.venv/bin/python
if [ -x "$venv" ] && fits "$venv"; then
    mark=$(mark_of "$venv")
    is_marked "$wanted" "$mark" && exit 0
    # The development set is the service's set and more.
    if [ "$wanted" = requirements.txt ]; then
        wanted=requirements-dev.txt
        dev_mark=$(mark_of "$venv")
        is_marked "$wanted" "$dev_mark" && exit 0
        wanted=requirements.txt
    fi
else
    python=$(find_python) || stop "Python 3.11 or newer was not found. Debian: apt install python3 python3-venv. macOS: brew install python@3.12."
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        # Debian keeps the part that makes environments in a package of its own.
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        package="python$version-venv"
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing $package with apt-get"
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; } >/dev/null ||
                stop "$package could not be installed. Type: apt-get install $package"
        else
            stop "this Python cannot make environments. Type: sudo apt install $package   (then the same make again)"
        fi
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || stop ".venv could not be made; see above"
    mark=$(mark_of "$venv")
fi

say "installing what $wanted lists (a minute or two the first time)"
rm -f .venv/made-from-*
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0 "$venv" -m pip install --quiet --require-hashes -r "$wanted" ||
    stop "the packages could not be installed; see above. Is the network there? Then the same make again."
echo "$mark" >".venv/made-from-$wanted"
say "ready"
