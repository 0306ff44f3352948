#!/bin/bash
# make packages: builds Debian's packages of the committed sources in one root, and installs
# and tries them in another where nothing was ever built.
#
#   PACKAGES='bookworm trixie' make packages    the packages are left in build/packages/SUITE
set -euo pipefail
cd "$(dirname "$0")/.."
. script/root.sh
enter_namespaces "$@"

version=$(sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
work=$cache/packaging
rm -rf --one-file-system "$work"
mkdir -p "$work"
trap 'remove_root "$work"' EXIT
table=

for suite in ${PACKAGES:-bookworm}; do
    out=$PWD/build/packages/$suite
    rm -rf "$out"
    mkdir -p "$out"

    echo "== $suite: building"
    copy_root "$suite" "$work/build"
    install_in "$work/build" build-essential debhelper devscripts equivs lintian
    mkdir -p "$work/build/build"
    git -c safe.directory='*' archive --format=tar.gz --prefix="msgext-$version/" HEAD ':!debian' \
        > "$work/build/build/msgext_$version.orig.tar.gz"
    git -c safe.directory='*' archive --prefix="msgext-$version/" HEAD | tar -x -C "$work/build/build"
    # The majors that the suite has are those the packages are named by.
    in_root "$work/build" sh -c "cd /build/msgext-$version && apt-get build-dep -y -q ./ &&
        pg_buildext updatecontrol && dpkg-buildpackage -us -uc" \
        > "$out/build.log" 2>&1 || { tail -20 "$out/build.log"; fail "the packages of $suite were not built: $out/build.log"; }
    cp "$work/build/build"/*.deb "$work/build/build"/*.dsc "$work/build/build"/*.changes "$out/"
    in_root "$work/build" sh -c 'cd /build && lintian --fail-on error *.changes' > "$out/lintian.log" 2>&1 ||
        { cat "$out/lintian.log"; fail "lintian finds errors"; }
    remove_root "$work/build"

    echo "== $suite: installing and testing"
    copy_root "$suite" "$work/clean"
    mkdir "$work/clean/packages"
    cp "$out"/*.deb "$work/clean/packages/"
    in_root "$work/clean" sh -c 'apt-get install -y -q --no-install-recommends \
        $(ls /packages/*.deb | grep -v dbgsym) curl make postgresql-common' > "$out/install.log" 2>&1 ||
        { tail -20 "$out/install.log"; fail "the packages of $suite cannot be installed"; }
    # What autopkgtest does: the tests of the source package on the installed ones.
    git -c safe.directory='*' archive --prefix=source/ HEAD | tar -x -C "$work/clean"
    for test in installcheck simulator; do
        in_root "$work/clean" sh -c "cd /source && AUTOPKGTEST_TMP=\$(mktemp -d) debian/tests/$test" \
            > "$out/$test.log" 2>&1 || { tail -40 "$out/$test.log"; fail "$test failed: $out/$test.log"; }
    done
    remove_root "$work/clean"
    table+="$suite: $(cd "$out" && ls ./*.deb | grep -v dbgsym | sed 's|./||' | tr '\n' ' ')"$'\n'
    table+="$(grep -hE '^(# All|All|.*All .* tests passed|1\.\.)' "$out/installcheck.log" | sed 's/^/    /')"$'\n'
done
printf '\n%s' "$table"
