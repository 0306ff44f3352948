# Sourced by the scripts that work in Debian roots of their own: what a machine has or lacks
# is then known. Roots are made by debootstrap from the mirror that this machine uses, and
# kept in a cache outside of the repository; as root only.
#
# Everything happens in namespaces of the script: when it ends, however it ends, its mounts
# and its processes are gone.

fail() { echo "msgext: $*" >&2; exit 1; }

cache=${XDG_CACHE_HOME:-/var/cache}/msgext

# First of all: the script again, in namespaces of its own, and one at a time.
enter_namespaces() { # the script's arguments
    [ "$(id -u)" = 0 ] || fail "${0##*/} must be run by root: it makes Debian roots"
    [ -z "${MSGEXT_NAMESPACES:-}" ] || return 0
    mkdir -p "$cache"
    exec 9> "$cache/lock"
    flock --nonblock 9 || { echo 'msgext: waiting for another run in these roots'; flock 9; }
    MSGEXT_NAMESPACES=1 exec unshare --mount --ipc --pid --fork --kill-child --mount-proc \
        bash "$0" "$@"
}

# The minimal system of a suite.
make_base() { # suite
    local base=$cache/roots/$1 mirror
    [ ! -d "$base" ] || return 0
    command -v debootstrap >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; }
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' |
        sed -n '/-\(security\|updates\|backports\)$/! { s/ .*//p; q }')
    [ -n "$mirror" ] || fail "apt's sources name no mirror of Debian"
    echo "msgext: making the root of $1, once"
    rm -rf "$base.part"
    mkdir -p "$cache/roots"
    debootstrap --variant=minbase "$1" "$base.part" "$mirror" > "$base.log" 2>&1 ||
        { tail -5 "$base.log" >&2; fail "could not make the root of $1: $base.log"; }
    mv "$base.part" "$base"
}

# A copy of it to work in, with the mounts that a system has. What apt is told here about
# getting packages holds there too; packages are kept for the next copy.
copy_root() { # suite, folder
    make_base "$1"
    mkdir -p "$2"
    cp -a "$cache/roots/$1/." "$2"
    apt-config dump | sed -n '/^Acquire::/ { /IndexTargets/! p }' > "$2/etc/apt/apt.conf.d/90msgext"
    echo force-unsafe-io > "$2/etc/dpkg/dpkg.cfg.d/msgext"
    mount_root "$1" "$2"
    in_root "$2" apt-get update -qq
}
mount_root() { # suite, folder
    mkdir -p "$cache/packages/$1/partial"
    cp -L /etc/resolv.conf /etc/hosts "$2/etc/"
    mount -t proc proc "$2/proc"
    mount --rbind /dev "$2/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$2/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$2/tmp"
    mount --bind "$cache/packages/$1" "$2/var/cache/apt/archives"
}
unmount_root() { # folder: nothing is mounted in it then, or it fails
    local at
    for at in $(awk -v root="$1/" 'index($5, root) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
        umount -l "$at" || return 1
    done
}
# What is mounted is of the machine, and a cache is on the same file system.
remove_root() { # folder
    unmount_root "$1" && rm -rf --one-file-system "$1"
}

# Nothing of this machine's environment is seen inside.
in_root() { # folder, command...
    local root=$1
    shift
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        HOME=/root DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 chroot "$root" "$@" < /dev/null
}

install_in() { # folder, package...
    local root=$1
    shift
    in_root "$root" apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
        fail "could not install in $root: $*"
}

# The files of this tree that are in git or may come to be.
copy_sources() { # folder
    mkdir -p "$1"
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        xargs -0 -r sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
        tar -c --null -T - | tar -x -C "$1"
}
