# The action's image: one static binary on nothing. No shell, no git, no package manager.
#
# Container actions run as root by GitHub's rules (the workspace must be writable), so there is no USER; WORKDIR is
# overridden by the runner. The tests assemble the same image from a debug binary (tests/it/support/action_image.rs).
# Works with and without BuildKit: the runner builds with whatever its engine has.

FROM rust:1.95-slim-trixie AS build
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends ca-certificates musl-tools \
 && rm -rf /var/lib/apt/lists/* \
 && rustup target add x86_64-unknown-linux-musl \
 && rustup component add rust-src
# `cargo auditable` writes the dependency list into the binary, where scanners find it.
RUN cargo install --locked cargo-auditable@0.7.4
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY docker docker
COPY release/build.sh release/build.sh
COPY src src
# The demo carries its sample repositories.
COPY tests/repos tests/repos
RUN release/build.sh x86_64-unknown-linux-musl \
 && mkdir -p /image/tmp \
 && chmod 1777 /image/tmp \
 && cp target/x86_64-unknown-linux-musl/release/ci-healer /image/ci-healer \
 && ln -s ci-healer /image/ci-healer-sweep

FROM scratch
COPY --from=build /image/ /
LABEL org.opencontainers.image.title="ci-healer" \
      org.opencontainers.image.description="Heals failing CI: re-runs what failed in a sandbox, fixes it minimally, proves the fix" \
      org.opencontainers.image.licenses="MIT"
ENTRYPOINT ["/ci-healer"]
