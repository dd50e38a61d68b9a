"""What every HTTP request passes: the fault script may answer it, hold it up or cut its connection."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from tests.solana_world.faults import Fault
from tests.solana_world.world import World

Answer = Callable[[list[Fault]], Awaitable[web.StreamResponse]]


async def pass_gate(world: World, request: web.Request, places: Sequence[str], answer: Answer) -> web.StreamResponse:
    """`places`: where the request goes, one for each call of a batch. `answer` gets the faults that it must obey."""
    faults = [fault for place in places for fault in world.faults.take(place)]
    by_kind = {fault.what: fault for fault in faults}
    status, delay, cut = by_kind.get("status"), by_kind.get("delay"), by_kind.get("cut")
    if delay is not None and delay["is_before"]:
        await asyncio.sleep(delay["s"])
    if cut is not None and not cut["is_done"]:
        return _cut(request)
    if status is not None:
        code = status["code"]
        headers = {"Retry-After": str(status["retry_after_s"])} if code in (429, 503) else {}
        return web.Response(status=code, headers=headers, text="Too Many Requests" if code == 429 else "error")
    response = await answer(faults)
    if delay is not None and not delay["is_before"]:
        await asyncio.sleep(delay["s"])
    return _cut(request) if cut is not None else response


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
