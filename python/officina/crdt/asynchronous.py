"""What `async with doc.transaction():` does; the native classes call it.

A transaction belongs to a thread, so the tasks of one event loop share it. Who has to wait for
another task's transaction is woken when it is over; who has to wait for another thread's does so
in a worker thread. The loop goes on meanwhile.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from anyio import Event, create_task_group, fail_after, get_current_task, to_thread

from officina.errors import LocalProtocolError

if TYPE_CHECKING:
    from types import TracebackType

    from officina._native.crdt import Transaction

_Transaction = TypeVar("_Transaction", bound="Transaction")


async def enter(transaction: _Transaction) -> _Transaction:
    """Open a transaction with a task group for async callbacks, or join the one that has one.

    Args:
        transaction: what `Doc.transaction()` or `Doc.new_transaction()` returned.

    Returns:
        The same.

    Raises:
        LocalProtocolError: this thread or task is in a transaction that it cannot join or wait for.
        TimeoutError: others took longer than a new transaction was to wait.
    """
    task = get_current_task().id
    group = create_task_group()
    timeout_s = transaction._timeout_s
    with nullcontext() if timeout_s is None else fail_after(timeout_s):
        while not transaction._open(group, task):
            joined = await _join_or_wait(transaction, task)
            if joined:
                return transaction
    await group.__aenter__()
    return transaction


async def _join_or_wait(transaction: Transaction, task: int) -> bool:
    """Join the transaction that is open, or wait until it is over; whether it was joined."""
    here = transaction._open_here()
    if here is None:
        await to_thread.run_sync(transaction._wait, abandon_on_cancel=True)
        return False
    _, group, owner = here
    if group is None:
        message = "already in a transaction that was entered without async"
        raise LocalProtocolError(message)
    if not transaction._is_new:
        transaction.__enter__()
        return True
    if owner == task:
        message = "already in a transaction"
        raise LocalProtocolError(message)
    over = Event()
    transaction._when_over(over.set)
    await over.wait()
    return False


async def leave(
    transaction: Transaction,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> bool | None:
    """Close one level of a transaction; the last one waits for the async callbacks.

    Args:
        transaction: what `enter` was given.
        kind: the class of what was raised inside.
        error: what was raised inside.
        trace: where it was raised.

    Returns:
        Whether the task group swallowed the error, as `__aexit__` says it.
    """
    depth, group, _ = transaction._open_here() or (0, None, None)
    failure: BaseException | None = None
    try:
        transaction.__exit__(kind, error, trace)
    except BaseException as raised:  # noqa: BLE001 - raised again below, once the callbacks are done
        failure = raised
    swallowed = None
    if group is not None and depth == 1:
        swallowed = await group.__aexit__(kind, error, trace)
    if failure is not None:
        raise failure
    return swallowed
