# The images of gpubench: docs/images.md says what they are made of and how to build them.
#   docker build --build-arg STACK=2.8 --target runtime --tag gpubench:2.8 .
ARG BASE=docker.io/library/debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251

# A compiler and Python's headers: torch.compile builds a small extension when it first runs.
# libibverbs: without it NCCL goes over TCP between nodes that have InfiniBand, and says nothing.
# tini: whoever is process 1 must wait for orphans and hand signals on; docker/enter.sh calls it.
FROM ${BASE} AS system
ARG BASE
RUN case "${BASE}" in \
        *@sha256:*) ;; \
        *) echo "BASE=${BASE} has no digest: built again, this may be another image" >&2 ;; \
    esac \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates g++ gcc ibverbs-providers libc6-dev libibverbs1 \
        python3 python3-dev python3-venv tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*

FROM system AS wheel
COPY pyproject.toml README.md LICENSE /source/
COPY gpubench /source/gpubench
RUN python3 -m venv /build \
    && /build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM system AS runtime
ARG STACK=current
ENV LANG=C.UTF-8 \
    VIRTUAL_ENV=/opt/venv \
    PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY --chmod=0644 docker/stacks/${STACK}.txt /opt/gpubench/constraints.txt
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: \
        --requirement /opt/gpubench/constraints.txt

# Root's group owns what is shared, so that any user id given with --user can write there.
RUN useradd --uid 1000 --gid 0 --password '*' --create-home --shell /bin/bash gpubench \
    && install --directory --mode 1777 /workspace
COPY --chmod=0755 docker/enter.sh /usr/local/bin/enter
COPY --chmod=0755 docker/distributed /opt/gpubench/distributed
COPY --from=wheel /wheels /opt/gpubench/wheels
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps /opt/gpubench/wheels/*.whl \
    && /opt/venv/bin/pip check

ARG BASE
ARG VERSION=unreleased
ARG REVISION=unknown
ARG IMAGE=gpubench:${STACK}
ENV GPUBENCH_STACK=${STACK} \
    GPUBENCH_REVISION=${REVISION} \
    GPUBENCH_IMAGE=${IMAGE} \
    GPUBENCH_CONSTRAINTS=/opt/gpubench/constraints.txt \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.title="gpubench" \
    org.opencontainers.image.description="Doctor and training benchmarks for NVIDIA GPU servers" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE}" \
    io.gpubench.stack="${STACK}"
WORKDIR /workspace
VOLUME /workspace
USER 1000:0
ENTRYPOINT ["enter", "gpubench"]
CMD ["doctor"]

FROM runtime AS dev
ARG STACK=current
USER 0:0
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl git less nano openssh-server procps tmux \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
COPY --chmod=0644 docker/stacks/${STACK}-dev.txt /opt/gpubench/dev.txt
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: \
        --requirement /opt/gpubench/dev.txt \
    && /opt/venv/bin/pip check \
    && cat /opt/gpubench/dev.txt >> /opt/gpubench/constraints.txt
COPY --chmod=0644 docker/dev/sshd_config docker/dev/jupyter_server_config.py /opt/gpubench/dev/
ARG IMAGE=gpubench:${STACK}-dev
ENV GPUBENCH_IMAGE=${IMAGE}
COPY --chmod=0644 docker/dev/profile.sh /etc/profile.d/gpubench.sh
COPY --chmod=0755 docker/dev/start.py /usr/local/bin/start
EXPOSE 8888 22
USER 1000:0
ENTRYPOINT ["enter", "start"]
CMD []
