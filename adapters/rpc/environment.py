"""Endpoints from variables of the environment, for while the database has none or is away.

The caller reads the environment and passes a mapping; `kernel.rpc.rpc_providers.VARIABLES` names what counts.
"""

from collections.abc import Mapping

from kernel.errors import ConfigError
from kernel.rpc.rpc_endpoint import RpcEndpoint, Source, check_endpoint
from kernel.rpc.rpc_providers import PROVIDER_TYPES, VARIABLES, ProviderType
from kernel.rpc.rpc_url import PLACEHOLDER, SCHEMES, shown_url
from kernel.secrets.secret import Secret

URLS_MAX = 50  #: of one variable
LABEL_CHARS_MAX = 110


def endpoints_of(environ: Mapping[str, str]) -> list[RpcEndpoint]:
    """Endpoints of all variables, in the order of their URLs, and the public defaults of types that nobody named.

    A variable of a chain may mix http and ws URLs; the scheme says which provider type each is for. Raises
    `ConfigError` naming variable and position, never the URL as it was given.
    """
    found: list[RpcEndpoint] = []
    for variable in VARIABLES:
        types = [each for each in PROVIDER_TYPES.values() if variable in each.environment]
        urls = [each.strip() for each in environ.get(variable, "").split(",")]
        if len(urls) > URLS_MAX:
            raise ConfigError(f"{variable}: expected at most {URLS_MAX} URLs, found {len(urls)}")
        for position, url in enumerate(urls, start=1):
            if not url:
                continue  # an unset variable, or a comma at the end
            where = f"{variable}, URL {position}"
            _add(found, _type_of(url, types, where), url, where, "environment")
    named = {each.provider_type for each in found}
    for kind in PROVIDER_TYPES.values():
        if kind.name not in named:
            for url in kind.defaults:
                _add(found, kind, url, kind.name, "default")
    return found


def with_defaults(stored: list[RpcEndpoint], environ: Mapping[str, str]) -> list[RpcEndpoint]:
    """What the database has; a provider type that it has none of is filled from the environment or the defaults.

    A type with disabled rows alone counts as named: somebody switched it off.
    """
    named = {each.provider_type for each in stored}
    return stored + [each for each in endpoints_of(environ) if each.provider_type not in named]


def _type_of(url: str, types: list[ProviderType], where: str) -> ProviderType:
    scheme = url.partition("://")[0].lower()
    for kind in types:
        if scheme in SCHEMES[kind.transport]:
            return kind
    allowed = sorted({f"{each}://" for kind in types for each in SCHEMES[kind.transport]})
    raise ConfigError(f"{where}: expected a URL that starts with {' or '.join(allowed)}")


def _add(found: list[RpcEndpoint], kind: ProviderType, url: str, where: str, source: Source) -> None:
    same = [each for each in found if each.provider_type == kind.name]
    secret = Secret(url)
    if any(each.url == secret for each in same):
        return  # named twice (SOLANA_RPC_URL and the first of SOLANA_RPC_URLS)
    label = shown_url(url).replace(PLACEHOLDER, "***")[:LABEL_CHARS_MAX]
    taken = {each.label for each in same}
    number = 2
    unique = label
    while unique in taken:
        unique, number = f"{label}#{number}", number + 1
    endpoint = RpcEndpoint(provider_type=kind.name, label=unique, url=secret, source=source)
    try:
        check_endpoint(endpoint)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    found.append(endpoint)
