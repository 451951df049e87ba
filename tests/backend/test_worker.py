import asyncio
import threading

import pytest

from jobdata_scrapy.backend.worker import Worker
from jobdata_scrapy.exceptions import StorageError


class Resource:
    """Remembers the thread of each of its steps."""

    def __init__(self) -> None:
        self.steps = [("open", threading.current_thread())]

    def note(self, step: str) -> str:
        self.steps.append((step, threading.current_thread()))
        return step

    def close(self) -> None:
        self.note("close")


async def test_everything_happens_in_order_on_one_thread_of_its_own():
    opened: list[Resource] = []

    def open_resource() -> Resource:
        opened.append(Resource())
        return opened[0]

    worker = Worker("store", open_resource, Resource.close)
    assert opened == []
    answers = await asyncio.gather(*(worker.run(lambda resource, name=name: resource.note(name)) for name in "abc"))
    await worker.close(5)
    assert answers == ["a", "b", "c"]
    assert [step for step, _ in opened[0].steps] == ["open", "a", "b", "c", "close"]
    (thread,) = {thread for _, thread in opened[0].steps}
    assert thread is not threading.main_thread()
    assert thread.name.startswith("backend-store")


async def test_opening_that_failed_is_tried_again():
    attempts = []

    def open_resource() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise StorageError("not now")
        return "open"

    worker = Worker("store", open_resource, lambda _: None)
    with pytest.raises(StorageError, match="not now"):
        await worker.run(str)
    assert await worker.run(str) == "open"
    await worker.close(5)


async def test_closing_what_was_never_opened_opens_nothing():
    worker = Worker("store", Resource, Resource.close)
    await worker.close(5)
    with pytest.raises(StorageError, match=r"^the store was asked after the backend was closed$"):
        await worker.run(str)


async def test_closing_lets_the_calls_under_way_end():
    worker, go_on = Worker("store", Resource, Resource.close), threading.Event()
    tasks = [asyncio.ensure_future(worker.run(lambda resource: go_on.wait(10))) for _ in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(worker.close(10))
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(*tasks) == [True, True, True]
    await closing


async def test_a_call_that_does_not_end_is_interrupted():
    interrupted = threading.Event()
    worker = Worker("store", lambda: interrupted, lambda _: None, interrupt=threading.Event.set)
    task = asyncio.ensure_future(worker.run(lambda event: event.wait(10)))
    await asyncio.sleep(0.01)
    with pytest.raises(StorageError, match=r"^the store did not close within 0\.02 s$"):
        await worker.close(0.02)
    assert await task is True


async def test_a_failure_that_nobody_waits_for_is_logged(caplog):
    worker, go_on = Worker("store", Resource, Resource.close), threading.Event()

    def fail(_: Resource) -> None:
        go_on.wait(10)
        raise StorageError("disk full")

    task = asyncio.ensure_future(worker.run(fail))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await worker.close(5)
    await asyncio.sleep(0)
    assert "store: a call whose caller had gone failed: disk full" in caplog.text
