# The page and the service. Photos stay in memory: nothing is kept, nothing is logged, nothing is fetched.
#
#   docker build -t hairseg .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 hairseg

# onnxruntime-web for the page comes from npm and is checked; Node.js itself stays in this stage.
FROM node:22-bookworm-slim AS web
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY src/hairseg/__init__.py src/hairseg/errors.py src/hairseg/printable.py hairseg/
COPY src/hairseg/serve/__init__.py src/hairseg/serve/vendor.py hairseg/serve/
RUN python3 -m hairseg.serve.vendor

FROM python:3.13-slim-bookworm
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY samples samples
COPY src src
COPY --from=web /src/hairseg/serve/page/vendor src/hairseg/serve/page/vendor
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[serve,heic]" && rm -rf /src/*
USER 10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --start-period=10s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
# Inside a container 0.0.0.0 is the container's own network; -p above decides who reaches it.
ENTRYPOINT ["hairseg", "serve", "--host", "0.0.0.0"]
