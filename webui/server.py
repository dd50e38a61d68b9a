"""The web server inside the kernel's loop: it never touches signals, and stops within a second whatever is open."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import uvicorn

from kernel.errors import ConfigError
from kernel.strategy import convert_settings
from webui.access import LOOPBACK_HOSTS, Access
from webui.accounts import Accounts
from webui.app import make_app
from webui.auth import TOKEN_CHARS_MIN
from webui.connection import BoundedConnection
from webui.health import Health
from webui.part import Part
from webui.settings import DashboardSettings
from webui.source import DashboardSource
from webui.stream import CLIENTS_MAX, StreamHub

BACKLOG = 128  #: connections that wait to be accepted; the kernel's loop takes them within milliseconds
DRAIN_S = 0.4  #: after the streams were told to end; what is still connected then is cut
RESTART_S = 1.0  #: pause before a failed stream task starts again

log = structlog.get_logger("webui")


class _Server(uvicorn.Server):
    """uvicorn, but signals stay with the kernel."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Binds, serves and stops the dashboard.

    `port` 0 takes a free one (`port` tells which). A host other than loopback needs TLS: a certificate and key, or the
    word that a proxy adds it (`is_behind_tls_proxy`), and `allowed_hosts`, the names by which browsers may call it.
    With that word `X-Forwarded-For` is believed, so nobody but the proxy may be able to reach the port.
    `clock` (monotonic seconds) times sessions and rates; `settings` win over `clients_max`. Raises ConfigError for an
    unsafe bind, a short token, a certificate that does not load or a port that is taken.
    """

    def __init__(
        self,
        source: DashboardSource,
        *,
        token: str,
        host: str = "127.0.0.1",
        port: int = 8080,
        allowed_hosts: frozenset[str] = LOOPBACK_HOSTS,
        is_behind_tls_proxy: bool = False,
        certificate: Path | None = None,
        key: Path | None = None,
        token_hint: str = "",
        clients_max: int = CLIENTS_MAX,
        parts: tuple[Part, ...] = (),
        health: Health | None = None,
        accounts: Accounts | None = None,
        settings: DashboardSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(token) < TOKEN_CHARS_MIN:
            raise ConfigError(
                f"dashboard token: expected at least {TOKEN_CHARS_MIN} characters, found {len(token)}; "
                "delete the token file to make a new one"
            )
        if (certificate is None) != (key is None):
            raise ConfigError("dashboard TLS: expected certificate and key together, found only one of them")
        has_tls = is_behind_tls_proxy or certificate is not None
        if not _is_loopback(host) and not has_tls:
            raise ConfigError(
                f"dashboard host: expected a loopback address, found {host!r}; orders can be stopped and started here, "
                "so another address needs a TLS certificate and key, or a TLS proxy in front"
            )
        names = frozenset(name.lower() for name in allowed_hosts)
        if not _is_loopback(host) and not names - LOOPBACK_HOSTS:
            raise ConfigError(
                f"dashboard allowed_hosts: expected the names by which browsers reach {host!r} (without port), "
                "found none"
            )
        if certificate is not None and key is not None:
            _check_certificate(certificate, key)
        self._source = source
        self._token = token
        self._host = host
        self._asked_port = port
        self._allowed_hosts = names
        self._has_tls = has_tls
        self._is_behind_proxy = is_behind_tls_proxy
        self._certificate = certificate
        self._key = key
        self._token_hint = token_hint
        self._parts = parts
        self._health = health
        self._accounts = accounts
        self._clock = clock
        self._settings = settings or convert_settings(DashboardSettings, {"streams_max": clients_max})
        self._access: Access | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._streaming: asyncio.Task[None] | None = None
        self._hub: StreamHub | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"{'https' if self._certificate else 'http'}://{self._host}:{self.port}"

    @property
    def login_url(self) -> str:
        """The link that logs in; it holds the token, so it goes to the terminal and nowhere else."""
        return f"{self.url}/login?token={self._token}"

    @property
    def streams(self) -> int:
        """Open streams."""
        return self._hub.clients if self._hub else 0

    @property
    def resyncs(self) -> int:
        """Times a slow client lost what was queued for it."""
        return self._hub.resyncs if self._hub else 0

    async def start(self) -> None:
        """Bind and serve; returns when connections are accepted."""
        listener = self._bind()
        self.port = listener.getsockname()[1]
        self._access = Access(
            self._token,
            accounts=self._accounts,
            allowed_hosts=self._allowed_hosts,
            cookie_name=f"kernel_session_{self.port}",  # cookies know no ports: two kernels on one host
            is_tls=self._has_tls,
            is_behind_proxy=self._is_behind_proxy,
            settings=self._settings,
            clock=self._clock,
        )
        self._hub = StreamHub(self._source, self._access.sessions.is_live)
        self.apply(self._settings)
        app = make_app(
            self._source, self._access, self._hub, token_hint=self._token_hint, parts=self._parts, health=self._health
        )
        connection = type("Connection", (BoundedConnection,), {"is_behind_proxy": self._is_behind_proxy})
        config = uvicorn.Config(
            app,
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            backlog=BACKLOG,
            ssl_certfile=self._certificate,
            ssl_keyfile=self._key,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="webui-server")
        self._start_streaming()
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise ConfigError(f"dashboard: the server on {self._host}:{self.port} ended before it began")
            await asyncio.sleep(0.005)

    def apply(self, settings: DashboardSettings) -> None:
        """New settings, without a restart: open sessions and pages get them too."""
        self._settings = settings
        if self._access is not None and self._hub is not None:
            self._access.apply(settings)
            self._hub.apply(period_s=1 / settings.frames_per_s, clients_max=settings.streams_max)

    async def stop(self) -> None:
        """Streams first, then the server; connections that do not end by themselves are cut. Under a second."""
        if self._server is None or self._serving is None or self._hub is None or self._access is None:
            return
        self._hub.close()
        self._server.should_exit = True
        done, _ = await asyncio.wait({self._serving}, timeout=DRAIN_S)
        if not done:
            for connection in tuple(self._server.server_state.connections):
                connection.transport.abort()
            await asyncio.wait({self._serving}, timeout=DRAIN_S)
        if not self._serving.done():  # a transport that the server lost sight of would be waited for without end
            log.error("server_did_not_end", connections=len(self._server.server_state.connections))
            self._serving.cancel()
            await asyncio.wait({self._serving}, timeout=DRAIN_S)
        if self._serving.done() and not self._serving.cancelled() and (error := self._serving.exception()) is not None:
            log.error("server_failed", error=repr(error))
        if self._streaming is not None:
            self._streaming.cancel()
            await asyncio.wait({self._streaming})
        self._access.close()
        self._server = self._serving = self._streaming = self._hub = self._access = None

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._asked_port))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"dashboard port: cannot listen on {self._host}:{self._asked_port} ({error.strerror}); "
                "stop what uses it or choose another with --port"
            ) from error
        listener.setblocking(False)
        return listener

    def _start_streaming(self) -> None:
        assert self._hub is not None
        self._streaming = asyncio.create_task(self._hub.run(), name="webui-stream")
        self._streaming.add_done_callback(self._on_stream_end)

    def _on_stream_end(self, task: asyncio.Task[None]) -> None:
        """A source that raised must not leave the pages frozen for ever: say so, wait, go on."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("stream_failed", error=repr(error), exc_info=error)
        if self._server is not None and not self._server.should_exit:
            asyncio.get_running_loop().call_later(RESTART_S, self._restart_streaming)

    def _restart_streaming(self) -> None:
        if self._hub is not None and self._server is not None and not self._server.should_exit:
            self._start_streaming()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_certificate(certificate: Path, key: Path) -> None:
    """Tell now, by name, instead of failing when the server starts."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"dashboard TLS: cannot use certificate {certificate} with key {key}: {error}; expected PEM files that "
            "belong together and that this user may read"
        ) from error
