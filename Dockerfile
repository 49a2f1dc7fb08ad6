# The step as an image, for `docker run`, Jenkins and Kubernetes. On GitHub use the action, which
# downloads the same program. A CI such as GitLab, which runs its scripts inside the image, needs
# the binary instead, because the image has no shell.
#
# Both base images are arguments. The release resolves each to its digest and passes
# `name:tag@digest`. The defaults are for builds by hand.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
ARG RUNTIME=gcr.io/distroless/static-debian12:latest

FROM ${BUILDER} AS build
# `musl` makes a static binary. A builder without its target takes `gnu`, and then the runtime
# image must have glibc.
ARG LIBC=musl
WORKDIR /src
# Debian keeps only one version of a package.
# hadolint ignore=DL3008
RUN if [ "$LIBC" = musl ]; then \
        apt-get update && apt-get install --yes --no-install-recommends musl-tools \
        && rm -rf /var/lib/apt/lists/* \
        && rustup target add "$(uname -m)-unknown-linux-musl"; \
    fi
# Builds the dependencies first, with empty sources: they change rarely, and the EC2 SDK takes
# minutes.
COPY Cargo.toml Cargo.lock ./
COPY core/Cargo.toml core/
COPY action/Cargo.toml action/
COPY tests/sim/Cargo.toml tests/sim/
COPY examples/Cargo.toml examples/
COPY release/dist.toml release/
RUN mkdir -p core/src action/src tests/sim/src examples/rehearse \
    && touch core/src/lib.rs action/src/lib.rs tests/sim/src/lib.rs \
    && for main in action/src/main.rs tests/sim/src/main.rs examples/rehearse/main.rs; do \
           echo 'fn main() {}' > "$main"; \
       done \
    && cargo build --profile dist --config release/dist.toml --locked --package ami-share-action \
        --target "$(uname -m)-unknown-linux-$LIBC"
COPY core core
COPY action action
# Cargo builds what is newer than the empty sources.
RUN touch core/src/lib.rs action/src/lib.rs action/src/main.rs \
    && target="$(uname -m)-unknown-linux-$LIBC" \
    && cargo build --profile dist --config release/dist.toml --locked --package ami-share-action \
        --target "$target" \
    && cp "target/$target/dist/ami-share" /ami-share

# The runtime has CA certificates, and no shell. The program runs as root, as GitHub requires of
# container actions. It writes only the files that its inputs name, so a read-only file system and a
# missing HOME do no harm.
FROM ${RUNTIME}
LABEL org.opencontainers.image.title="ami-share" \
      org.opencontainers.image.description="Share encrypted AMIs with other AWS accounts" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /ami-share /usr/local/bin/ami-share
ENTRYPOINT ["/usr/local/bin/ami-share"]
