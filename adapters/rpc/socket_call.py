"""One call on an open WebSocket, before anything else is subscribed there."""

import asyncio

import aiohttp
from msgspec import Raw

from adapters.rpc.ask import Failure, Request
from adapters.rpc.json_rpc import RpcError, decode_answer
from kernel.errors import BadWire
from kernel.secrets.redaction import redact

STRAY_MAX = 100  #: other messages that may come before the answer


async def socket_call(socket: aiohttp.ClientWebSocketResponse, request: Request, timeout_s: float) -> Raw | Failure:
    """Send and wait for the answer with the same id. Messages without an id meanwhile are skipped."""
    try:
        async with asyncio.timeout(timeout_s):
            await socket.send_str(request.body.decode())
            for _ in range(STRAY_MAX):
                message = await socket.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return Failure(kind="broken", text="the connection ended before the answer")
                body = message.data.encode() if isinstance(message.data, str) else bytes(message.data)
                if b'"id"' not in body:
                    continue
                answer = decode_answer(body, request.request_id)
                if isinstance(answer, RpcError):
                    return Failure(kind="broken", text=f"refused: {answer.code} {redact(answer.message)!r}")
                return answer
    except BadWire as error:
        return Failure(kind="broken", text=str(error))
    except TimeoutError:
        return Failure(kind="broken", text="timeout on an open connection")
    except (aiohttp.ClientError, OSError):
        return Failure(kind="broken", text="the connection broke")
    return Failure(kind="broken", text=f"{STRAY_MAX} messages without the answer")
