# One image for web, worker and beat; compose.yaml says which is which.
FROM python:3.11-slim-bookworm AS build
WORKDIR /srv/seloste
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /srv/venv \
    && /srv/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/base.txt
COPY . .
RUN /srv/venv/bin/python -m config.messages compile

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 seloste \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin seloste \
    && install --directory --mode 0700 --owner 10001 --group 10001 /data
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/seloste /srv/seloste
ENV PATH=/srv/venv/bin:$PATH SELOSTE_DATA=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/seloste
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "--no-control-socket", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/tmp", "config.wsgi"]
