#!/bin/bash
# Gradescope runs this once, as root, when it makes the image: Python with the course's packages in /opt/course.
set -e
cd /autograder/source
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends bubblewrap libseccomp2 findutils

newest() {
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}
python=$(newest) || {
    apt-get install -q -y python3.12 python3.12-venv || apt-get install -q -y python3.11 python3.11-venv
    python=$(newest)
}
"$python" -m venv /opt/course

install() { /opt/course/bin/python -I -m pip install -q --no-cache-dir --disable-pip-version-check "$@"; }
cpu="--extra-index-url https://download.pytorch.org/whl/cpu" # else torch brings several GB of CUDA
install $cpu --only-binary=:all: -c constraints.txt -r requirements.txt || install $cpu -r requirements.txt
/opt/course/bin/python -I -m compileall -q /opt/course/lib || true

# Where everybody may write, a student could leave something; the folders named here are cleared after each stage.
find / -xdev \( -path /tmp -o -path /var/tmp -o -path /run/lock -o -path /dev -o -path /proc -o -path /sys \) -prune \
    -o \( -type d -o -type f \) -perm -0002 -exec chmod o-w {} +
chmod -R go= /autograder/source
