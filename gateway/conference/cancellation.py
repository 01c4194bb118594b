"""Being cancelled while a TaskGroup fails."""

import asyncio


def raise_if_cancelled() -> None:
    """Before 3.13, a TaskGroup cancelled just as a task of it fails tells of the failure only."""
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError
