"""Ask this container's own web server how it is: `python -m config.probe [URL]`. Exit code 0 if all is well."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

from config import env

SECONDS = 5


def main(url: str) -> int:
    hosts = env.names("SELOSTE_HOSTS", "localhost")
    host = next((name.removeprefix(".") for name in hosts if name != "*"), "localhost")
    request = urllib.request.Request(url, headers={"Host": host})  # noqa: S310 - said by whoever calls
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=SECONDS) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        sys.stderr.write(error.read().decode() + os.linesep)
        return 1
    except OSError as error:
        sys.stderr.write(f"{url}: {error}{os.linesep}")
        return 1
    sys.stdout.write(text + os.linesep)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/healthz"))
