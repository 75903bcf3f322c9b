# `just check` before a commit; each recipe also runs alone.

export INSTA_UPDATE := "no"

default: check

# everything that must hold
check: fmt clippy test doc deny typos forbid

# format
fmt:
    cargo fmt --all --check

# lints
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# tests
test:
    cargo test --workspace --locked

# the pages of the crates
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

# licences, sources, known holes of dependencies
deny:
    cargo deny --all-features check

# spelling
typos:
    typos

# what must not be committed: unfinished work, paths of one machine
forbid:
    #!/bin/sh
    found=0
    forbid() {
        if git grep -nIE "$1" -- . ':!justfile'; then found=1; fi
    }
    forbid '\b(todo|unimplemented|dbg)!'
    forbid '\b(TODO|FIXME|XXX)\b'
    forbid '(^|[^[:alnum:]_.-])/(Users|home/[a-z]+/(src|work|projects)|root/\.cargo|work|farm)/'
    exit $found
