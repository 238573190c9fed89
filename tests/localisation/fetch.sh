#!/bin/sh
# fetch.sh REGISTRY NAME VERSION FOLDER [NEED...]
#
# Downloads the source of one package with its registry's own client and unpacks it to FOLDER/source. What its tests need
# beside it, and a checkout does not hold, goes to FOLDER/installed. Nothing of a package is run, but for what the client
# itself runs to read a source package's name and version. FOLDER/archive is the downloaded file.
set -eu

registry=$1 name=$2 version=$3 folder=$4
shift 4
rm -rf "$folder.part"
mkdir -p "$folder.part/source" "$folder.part/installed" "$folder.part/down"
cd "$folder.part"

unpack() {
    tar xf "$1" -C source --strip-components=1 --no-same-owner
    mv "$1" archive
}

case $registry in
    pypi)
        pip download -q --no-deps --no-binary :all: -d down "$name==$version"
        unpack down/*
        ;;
    npm)
        (cd down && npm pack --silent "$name@$version" >/dev/null)
        unpack down/*
        if [ $# -gt 0 ]; then
            printf '{"private": true}\n' >installed/package.json
            npm install --silent --prefix installed --ignore-scripts --no-audit --no-fund --no-package-lock "$@" >/dev/null
            rm installed/package.json
            rm -rf installed/node_modules/.bin installed/node_modules/.package-lock.json
            # What is no code is not read by tests, and only makes the tree large.
            find installed -type f \( -name '*.md' -o -name '*.map' -o -name '*.ts' -o -path '*/test/*' \) -delete
        fi
        ;;
    crates)
        mkdir probe probe/src
        # Workspaces of their own: the folder may lie in another's.
        printf '[workspace]\n[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n"%s" = "=%s"\n' \
            "$name" "$version" >probe/Cargo.toml
        : >probe/src/lib.rs
        (cd probe && CARGO_HOME="$PWD/home" cargo fetch --quiet)
        mv "$(find probe/home/registry/cache -name "$name-$version.crate")" down/
        rm -rf probe
        unpack down/*
        # Of its dependencies, those that the sandbox's older compiler takes.
        rm -f source/Cargo.lock source/Cargo.toml.orig
        cp -r source lock
        (
            cd lock
            grep -q '^\[workspace' Cargo.toml || printf '\n[workspace]\n' >>Cargo.toml
            CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback cargo vendor --quiet ../vendor >/dev/null
        )
        if [ -d vendor ]; then
            mkdir -p installed/.cargo
            printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n' \
                >installed/.cargo/config.toml
            mv vendor installed/vendor
        fi
        cp lock/Cargo.lock installed/
        rm -rf lock
        ;;
    debian)
        # The lists of this machine's own Debian archive, of its sources, kept beside the packages.
        lists=$(dirname "$folder")/apt
        mkdir -p "$lists/lists/partial"
        if [ ! -e "$lists/sources.list" ]; then
            cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
                sed -n 's/^URIs: *//p; s/^deb [^h]*\(http[^ ]*\).*/\1/p' | head -n 1 |
                sed 's|.*|deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & trixie main|' \
                    >"$lists/sources.list"
        fi
        apt() {
            apt-get -q -q -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=- \
                -o Dir::State::Lists="$lists/lists" -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= \
                -o APT::Sandbox::User=root "$@"
        }
        ls "$lists"/lists/*Sources* >/dev/null 2>&1 || apt update
        (cd down && apt source --download-only --tar-only "$name=$version")
        rm -f down/*.debian.tar.* down/*.dsc down/*.asc
        unpack down/*
        ;;
    *)
        echo "fetch.sh: registry '$registry' is none of pypi, npm, crates, debian" >&2
        exit 2
        ;;
esac
rm -rf down
cd ..
rm -rf "$folder"
mv "$folder.part" "$folder"
