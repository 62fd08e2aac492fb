# The server, and chief and workers of a search. compose.yaml starts them.
#   docker build -t keras_pairs . && docker run --rm -p 8501:8501 keras_pairs
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/keras_pairs
ENV PATH=/opt/keras_pairs/bin:$PATH

COPY setup.cfg pyproject.toml README.md LICENSE /src/
COPY keras_pairs /src/keras_pairs
COPY tuner /src/tuner
COPY saved_models/digit_pairs /src/saved_models/digit_pairs
RUN pip install --no-cache-dir "/src[serve]" && rm -r /src

# Whoever runs here owns the one folder that is written, which a volume may replace.
RUN useradd --create-home --uid 1000 keras && mkdir /runs && chown keras /runs
USER 1000
WORKDIR /runs

EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/healthz')"]
CMD ["python", "-m", "keras_pairs.serve", "--host=0.0.0.0"]
