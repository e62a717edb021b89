# One image with the one program; the command says the role: up (the default), ingest, projector, topics create, ...
#
#   docker build -t kizuna .
#   docker run --rm -p 127.0.0.1:8080:8080 -p 127.0.0.1:8090:8090 -v kizuna-data:/var/lib/kizuna kizuna
#
# The console is then at http://127.0.0.1:8090, and the log of the container has the link that sets it up.

FROM rust:1.95-slim-bookworm AS build
# A C and C++ compiler, make and perl for librdkafka, zstd and SQLite, which are built from source; OpenSSL and zlib of Debian.
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential libssl-dev perl pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p kizuna \
    && cp target/release/kizuna /usr/local/bin/kizuna

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/kizuna kizuna \
    && install --directory --mode 0700 --owner kizuna --group kizuna /var/lib/kizuna
COPY --from=build /usr/local/bin/kizuna /usr/local/bin/kizuna
ENV KIZUNA_DATA_DIR=/var/lib/kizuna \
    KIZUNA_LISTEN=0.0.0.0:8080 \
    KIZUNA_ADMIN_LISTEN=0.0.0.0:9464 \
    KIZUNA_CONSOLE_LISTEN=0.0.0.0:8090 \
    KIZUNA_CONSOLE_URL=http://127.0.0.1:8090
VOLUME /var/lib/kizuna
WORKDIR /var/lib/kizuna
USER 10001:10001
# Webhooks; the console; metrics and health. The internet must reach the first alone.
EXPOSE 8080 8090 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["kizuna"]
CMD ["up"]
