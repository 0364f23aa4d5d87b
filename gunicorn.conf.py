"""How gunicorn serves the application: a few workers with a few threads each.

The rule kept: nothing personal reaches a log, so the access log carries no address of a client, no query and no browser name.
"""

from __future__ import annotations

import logging
import os
import re

# Loopback unless told otherwise: a proxy that ends TLS stands in front.
bind = os.environ.get("POS_BIND") or f"127.0.0.1:{os.environ.get('PORT') or '8000'}"
reuse_port = False

# Threads, though no request waits on the network: browsers open a second connection and say nothing on it, which would keep a
# worker without threads from everybody else until it is given up, half a minute later.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or "3")
threads = 4  # of each worker; the pool of connections is made for as many
preload_app = False

# Longer than the database may make a request wait (10 s for a lock, 20 s for a statement), so that a slow page ends as a page.
timeout = 30  # seconds
graceful_timeout = 25  # seconds
keepalive = 5  # seconds

# A worker is never replaced for its count of requests: that would hide a leak, and cost whoever asks at that moment.
max_requests = 0

# Nothing this service accepts has long headers or many of them.
limit_request_line = 2048  # bytes
limit_request_fields = 60
limit_request_field_size = 8190  # bytes

# gunicorn 25 and later open a socket in the home folder to be steered by; signals do for us.
control_socket_disable = True

# Method, path without its query, status, size, seconds. References in a path are opaque.
access_log_format = '%(t)s "%(m)s %(U)s" %(s)s %(B)s %(L)s'
accesslog = os.environ.get("POS_ACCESS_LOG", "-") or None
errorlog = "-"
loglevel = os.environ.get("POS_LOG_LEVEL") or "info"

_QUERY = re.compile(r"\?\S*")


class NothingPersonal(logging.Filter):
    """Takes what a client sent out of gunicorn's own messages: its address, a query, the start of a broken request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Word the message anew if it needs that; let every message through."""
        message = record.getMessage()
        if message.startswith("Invalid request from ip="):
            record.msg, record.args = "A malformed request was refused", ()
        elif message.startswith("Error handling request"):
            record.msg, record.args = _QUERY.sub("", message), ()
        return True


def on_starting(server: object) -> None:
    """Called by gunicorn before its workers exist; they inherit the filter."""
    logging.getLogger("gunicorn.error").addFilter(NothingPersonal())
