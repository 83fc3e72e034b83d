#!/usr/bin/env bash
# Makes .venv from the hash-locked requirements, or finds that it is up to date.
#
#   scripts/environment.sh runtime    what `entregent` needs
#   scripts/environment.sh dev        the same, with what tests and docs need
#
# uv is used where it is on PATH (not with SETUP_WITH=pip); Python's own venv and pip otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-runtime}
case $kind in
runtime) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
*)
    echo "environment: $kind is neither runtime nor dev" >&2
    exit 2
    ;;
esac

say() { echo "environment: $*" >&2; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    say "Python 3.11 or newer was not found. On Debian 12: apt-get install python3 python3-venv"
    exit 1
}

# The path is part of the key: scripts in .venv/bin and the editable install hold it.
key_of() { # LOCK
    { echo "$PWD $python $version" && cat "$1" pyproject.toml hatch_build.py; } | sha256sum | cut -d' ' -f1
}

python=$(find_python)
version=$("$python" -c 'import sys; print(sys.version)' | head -n 1)
stamp=.venv/.entregent
key=$(key_of "$lock")

working() { [ -x .venv/bin/python ] && .venv/bin/python -c 'import entregent' 2>/dev/null; }

if grep -qsx "$kind $key" "$stamp" && working; then
    exit 0
fi
# The dev set holds the runtime set.
if [ "$kind" = runtime ] && grep -qsx "dev $(key_of requirements-dev.lock)" "$stamp" && working; then
    exit 0
fi

# Another Python or another place: packages are compiled for one and scripts name the other.
place="$PWD $python $version"
if [ -d .venv ] && ! { grep -qsxF "place $place" "$stamp" && [ -x .venv/bin/python ]; }; then
    say "Python or the folder changed: .venv is made anew"
    rm -rf .venv
fi

started=$SECONDS
count=$(grep -cE '^[a-z0-9]' "$lock")

with_uv() {
    [ -d .venv ] || uv venv --quiet --python "$python" .venv || return 1
    uv pip install --quiet --python .venv/bin/python --require-hashes --only-binary :all: -r "$lock" || return 1
    uv pip install --quiet --python .venv/bin/python --no-build-isolation --no-deps --editable .
}

with_pip() {
    if [ ! -x .venv/bin/pip ]; then
        rm -rf .venv
        "$python" -m venv .venv || {
            rm -rf .venv
            say "Python has no venv module of its own here. On Debian: apt-get install python3-venv"
            exit 1
        }
    fi
    local pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check --no-input install --progress-bar off)
    "${pip[@]}" --require-hashes --only-binary :all: -r "$lock"
    "${pip[@]}" --no-build-isolation --no-deps --editable .
}

if [ "$kind" = dev ]; then size=350; else size=250; fi
tool=pip
if [ "${SETUP_WITH:-uv}" = uv ] && command -v uv >/dev/null; then tool=uv; fi
say "installing $count packages from $lock with $tool (about $size MB to fetch the first time; minutes on a slow line)"
if [ "$tool" = uv ]; then
    with_uv || {
        say "uv could not do it: once more with pip"
        with_pip
    }
else
    with_pip
fi

{
    grep -s '^\(runtime\|dev\) ' "$stamp" | grep -v "^$kind " || true
    echo "$kind $key"
    echo "place $place"
} >"$stamp.new"
mv "$stamp.new" "$stamp"
say "ready after $((SECONDS - started)) s, $(du -sm .venv | cut -f1) MB in .venv"
