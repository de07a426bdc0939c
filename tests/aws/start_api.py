"""Runs `sam local start-api` until standard input ends, and then interrupts it as Ctrl-C would, upon which it removes its containers.

    python start_api.py [OPTION ...]

Whoever starts this holds the other end of a pipe, which the system closes whatever ends the holder. So the containers go even where
the holder was killed. Needs the Python environment that .ci/sam-setup makes.
"""

import os
import signal
import sys
import threading

from samcli.cli.main import cli
from samcli.local.docker.container import Container
from werkzeug.serving import ThreadedWSGIServer


class Set(threading.Event):
    """An event that nobody waits for."""

    def wait(self, timeout=None):
        return True


def interrupt_at_the_end(server):
    while os.read(0, 4096):
        pass
    # To that thread, so that what it waits for in the system ends too.
    signal.pthread_kill(server, signal.SIGINT)


if __name__ == "__main__":
    # SAM's server would drop the requests that it is answering, and leave the container that one of them is having made.
    ThreadedWSGIServer.daemon_threads = False
    # Before each answer, SAM waits for the end of the function's log. It misses it where several lines come at once, which on a busy
    # machine they do, and then waits a second. Where a later SAM has no such method, this changes nothing.
    Container._create_threading_event = staticmethod(Set)
    # It may be ignored: so a shell without job control starts what runs in its background, and children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt_at_the_end, args=[threading.get_ident()], daemon=True).start()
    sys.argv[:1] = ["sam", "local", "start-api"]
    cli()
