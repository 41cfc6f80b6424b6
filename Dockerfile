# The monitor's own image. NOT BUILT HERE: the machines that build this project have no container engine.
FROM python:3.11.15-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/mot
# What is needed is installed before our own code comes, so that a change of ours does not fetch it again.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-default-groups --extra all --no-install-project
COPY schemas schemas
COPY journeys journeys
COPY detectors detectors
COPY streams streams
COPY dashboards dashboards
RUN uv sync --frozen --no-default-groups --extra all --no-editable

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mot \
 && mkdir -p /var/lib/mot && chown 10001:10001 /var/lib/mot
COPY --from=build /opt/mot/.venv /opt/mot/.venv
ENV PATH=/opt/mot/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /var/lib/mot
USER 10001:10001
VOLUME /var/lib/mot
ENTRYPOINT ["mot"]
CMD ["--help"]
