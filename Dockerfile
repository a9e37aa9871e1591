# syntax=docker/dockerfile:1
# Two stages: the Swift toolchain builds one static binary; the runtime image holds it, nginx and nothing else.
#
#   docker build -t swiftlet .
#   docker run --rm -p 8080:8080 -v "$PWD/Examples/models/iris:/opt/ml/model:ro" swiftlet serve

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY Benchmarks Benchmarks
RUN swift build -c release --product swiftlet --static-swift-stdlib \
 && install -D "$(swift build -c release --product swiftlet --static-swift-stdlib --show-bin-path)/swiftlet" /out/swiftlet \
 && strip /out/swiftlet

FROM ${RUNTIME_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light curl ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/log/* /usr/share/doc /usr/share/man \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin swiftlet \
 && mkdir -p /opt/ml/model /opt/program

COPY --from=build /out/swiftlet /opt/program/swiftlet
COPY nginx.conf /opt/program/nginx.conf
# One binary: what it does follows from the name that it is called by, and SageMaker calls `serve`.
RUN ln -s swiftlet /opt/program/serve

ENV PATH=/opt/program:$PATH
WORKDIR /opt/program

# What SageMaker asks of an image: pipelines tell a container its port, multi-model endpoints load models by hand.
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true \
      com.amazonaws.sagemaker.capabilities.multi-models=true
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=2s --start-period=30s \
  CMD curl -fsS "http://127.0.0.1:${SAGEMAKER_BIND_TO_PORT:-8080}/ping" -o /dev/null || exit 1

# SageMaker runs `docker run IMAGE serve` as root; any other user works as well (`docker run --user 10001 ...`).
CMD ["serve"]
