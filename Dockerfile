# syntax=docker/dockerfile:1
# Build: docker build -t instroom .
# Run:   docker run -p 8000:8000 -v instroom:/data -v ./tokens.json:/run/tokens.json:ro \
#          -e INSTROOM_TOKENS_FILE=/run/tokens.json instroom
# Inside a container the address is not loopback, so without tokens the service refuses to start.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /srv/venv
COPY requirements.lock ./
RUN /srv/venv/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY priors priors
COPY models models
COPY service service
RUN /srv/venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
# PyTensor compiles with g++ where it is present and uses Numba otherwise; nutpie needs Numba only.
RUN groupadd --system --gid 10001 instroom \
 && useradd --system --uid 10001 --gid instroom --home-dir /data --no-create-home instroom \
 && install -d -o instroom -g instroom /data
COPY --from=build /srv/venv /srv/venv
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    INSTROOM_DATA_DIR=/data \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTENSOR_FLAGS=base_compiledir=/tmp/pytensor
USER instroom
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/v1/health/ready', timeout=4)"]
CMD ["instroom", "serve"]
