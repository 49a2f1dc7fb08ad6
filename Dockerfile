# The step as an image, for `docker run`, Jenkins and Kubernetes. GitHub's users take the action, which downloads the same
# program. A CI that runs scripts of its own inside the image, as GitLab does, takes the binary: there is no shell in here.
#
# Both bases are arguments. The release resolves each to its digest and passes `name:tag@digest`; the defaults are for
# whoever builds by hand.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:latest

FROM ${BUILDER} AS build
WORKDIR /src
# The dependencies first, with sources that are empty: they change seldom, and the EC2 SDK takes minutes.
COPY Cargo.toml Cargo.lock ./
COPY core/Cargo.toml core/
COPY action/Cargo.toml action/
COPY tests/sim/Cargo.toml tests/sim/
COPY examples/Cargo.toml examples/
RUN mkdir -p core/src action/src tests/sim/src examples/rehearse \
    && touch core/src/lib.rs action/src/lib.rs tests/sim/src/lib.rs \
    && for main in action/src/main.rs tests/sim/src/main.rs examples/rehearse/main.rs; do echo 'fn main() {}' > "$main"; done \
    && cargo build --release --locked --package ami-share-action
COPY core core
COPY action action
# Newer than what was built from the empty ones.
RUN touch core/src/lib.rs action/src/lib.rs action/src/main.rs \
    && cargo build --release --locked --package ami-share-action

# glibc and CA certificates, no shell. It runs as root, as GitHub wants it of container actions; it writes nothing but the
# files that its inputs name, so a read-only file system and a missing HOME do no harm.
FROM ${RUNTIME}
LABEL org.opencontainers.image.title="ami-share" \
      org.opencontainers.image.description="Share encrypted AMIs with other AWS accounts" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/release/ami-share /usr/local/bin/ami-share
ENTRYPOINT ["/usr/local/bin/ami-share"]
