"""Ctrl-C that always works: once to stop after saving, twice to stop at once.

Python runs signal handlers between bytecodes of the main thread, which never come when a model hangs in compiled code,
or are swallowed when it catches KeyboardInterrupt. The operating system's signal is therefore also written to a
socket that a thread watches; the second one ends the process from there. Ledger and samples are whole at any moment.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 130


@contextmanager
def second_interrupt_exits() -> Iterator[None]:
    """Inside the block a second SIGINT ends the process with exit code 130. Only effective in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader,), name="interrupt-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        watcher.join()
        reader.close()


def _watch(reader: socket.socket) -> None:
    interrupts = 0
    while received := reader.recv(16):
        interrupts += received.count(signal.SIGINT)
        if interrupts == 1:
            _say("stopping; what is finished is kept. Press Ctrl-C again to stop at once.")
        elif interrupts > 1:
            os._exit(EXIT_CODE)


def _say(message: str) -> None:
    sys.stderr.write(f"\n{message}\n")
    sys.stderr.flush()
