from __future__ import annotations

import asyncio

import pytest

from entregent.errors import TransientError
from entregent.sources.live import gathered


def pieces(messages, **more):
    async def collect():
        return [piece async for piece in gathered(messages, **more)]

    return asyncio.run(collect())


async def steps(*what):
    for step in what:
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif isinstance(step, Exception):
            raise step
        else:
            yield step


def test_a_busy_stream_comes_in_full_pieces_in_order():
    assert pieces(steps(*range(7)), most=3) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_quiet_stream_is_passed_on_after_the_time_and_shows_that_it_is_alive():
    got = pieces(steps(1, 0.5, 2), most=10, within=0.1)
    assert got[0] == [1]
    assert got[-1] == [2]
    assert [] in got[1:-1]


def test_nothing_at_all_is_nothing():
    assert pieces(steps()) == []


def test_what_came_before_a_failure_is_passed_on_first():
    got = []

    async def collect():
        async for piece in gathered(steps(1, 2, TransientError("the line broke", retry_after=3.0))):
            got.append(piece)

    with pytest.raises(TransientError) as told:
        asyncio.run(collect())
    assert got == [[1, 2]]
    assert told.value.retry_after == 3.0


def test_closing_the_gathering_closes_the_stream():
    closed = []

    async def endless():
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    async def first():
        messages = gathered(endless(), most=2)
        piece = await anext(messages)
        await messages.aclose()
        return piece

    assert asyncio.run(first()) == [1, 1]
    assert closed == [True]


def test_a_reader_that_is_slow_stops_the_stream_instead_of_filling_memory():
    made = []

    async def endless():
        for number in range(100_000):
            made.append(number)
            yield number
            await asyncio.sleep(0)

    async def slow():
        messages = gathered(endless(), most=10)
        await anext(messages)
        await asyncio.sleep(0.05)
        await messages.aclose()

    asyncio.run(slow())
    assert len(made) < 50
