# The hansa binary on Debian, run by a user of its own.
FROM node:20-bookworm-slim AS console
WORKDIR /src
COPY proto proto
COPY services/console/web services/console/web
RUN cd services/console/web && npm ci --no-audit --no-fund --ignore-scripts && npm run build

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
COPY .cargo .cargo
COPY .sqlx .sqlx
COPY certs certs
COPY migrations migrations
COPY proto proto
COPY services services
COPY tests tests
COPY --from=console /src/services/console/web/dist services/console/web/dist
RUN cargo build --release --locked -p hansa

FROM debian:bookworm-slim
RUN useradd --system --home-dir /var/lib/hansa --create-home hansa
COPY --from=build /src/target/release/hansa /usr/local/bin/hansa
USER hansa
VOLUME /var/lib/hansa
ENTRYPOINT ["hansa"]
CMD ["serve"]
