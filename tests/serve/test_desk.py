from __future__ import annotations

import asyncio
import threading

import pytest

from hairseg.serve.desk import Desk
from hairseg.serve.problem import Refused


async def _photo() -> int:
    return 20


def _served(desk: Desk, *works: object) -> list[object]:
    """What becomes of several requests that come together."""

    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(desk.serve(_photo, work) for work in works), return_exceptions=True)  # type: ignore[arg-type]

    try:
        return asyncio.run(all_at_once())
    finally:
        desk.close()


def test_work_happens_on_another_thread() -> None:
    def work(photo: int) -> tuple[int, str]:
        return photo + 1, threading.current_thread().name

    [(result, thread)] = _served(Desk(1, 0, 10), work)  # type: ignore[misc]
    assert result == 21
    assert thread.startswith("hairseg-serve")


def test_more_than_fits_is_refused_at_once_with_a_time() -> None:
    desk = Desk(workers=1, waiting=1, seconds=10)
    first, second, third = _served(desk, *[lambda photo: photo] * 3)
    assert (first, second) == (20, 20)
    assert isinstance(third, Refused)
    assert (third.status, third.retry_after) == (503, 1)
    assert desk.inside == 0


def test_an_error_of_the_work_frees_its_place() -> None:
    desk = Desk(1, 0, 10)
    [error] = _served(desk, lambda photo: photo / 0)
    assert isinstance(error, ZeroDivisionError)
    assert desk.inside == 0


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    desk = Desk(1, 0, seconds=0.05)

    async def never() -> int:
        await asyncio.sleep(60)
        return 0

    with pytest.raises(Refused, match="did not arrive within") as refused:
        asyncio.run(desk.serve(never, lambda photo: photo))
    assert refused.value.status == 408
    assert desk.inside == 0
    desk.close()


def test_who_stalls_takes_no_place() -> None:
    desk = Desk(workers=1, waiting=0, seconds=10)

    async def never() -> int:
        await asyncio.sleep(60)
        return 0

    async def stalled_and_served() -> int:
        stalled = [asyncio.create_task(desk.serve(never, lambda photo: photo)) for _ in range(20)]
        await asyncio.sleep(0)
        served = await desk.serve(_photo, lambda photo: photo)
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return served

    assert asyncio.run(stalled_and_served()) == 20
    assert desk.inside == 0
    desk.close()


def test_work_that_takes_too_long_keeps_its_place_until_it_ends() -> None:
    desk = Desk(1, 0, seconds=0.05)
    going_on = threading.Event()

    async def twice() -> list[object]:
        first = await asyncio.gather(desk.serve(_photo, lambda _: going_on.wait(30)), return_exceptions=True)
        inside = desk.inside
        second = await asyncio.gather(desk.serve(_photo, lambda photo: photo), return_exceptions=True)
        return [*first, inside, *second]

    late, inside, refused = asyncio.run(twice())
    going_on.set()
    desk.close()
    assert isinstance(late, Refused)
    assert "took longer" in late.detail
    assert inside == 1
    assert isinstance(refused, Refused)
    assert desk.inside == 0
