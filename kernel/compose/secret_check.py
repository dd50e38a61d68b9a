"""What `secrets list` and `secrets check` print: names, sources, ages and derived addresses; never a value."""

from datetime import datetime

import msgspec
from msgspec import Struct

from adapters.signing.address import derive_address
from bus.clock import NS_PER_S
from kernel.compose.registry import strategy_kind
from kernel.compose.secret_parts import SecretParts
from kernel.errors import KernelError
from kernel.profile import Profile
from kernel.secrets.access_entry import OPERATOR
from kernel.secrets.secret_names import kind_of
from persistence.master_key import MasterKey
from persistence.secret_table import SecretRow, SecretTable

S_PER_MINUTE, S_PER_HOUR, S_PER_DAY = 60, 3_600, 86_400


class SecretCheck(Struct, frozen=True, kw_only=True):
    """One secret that one module needs, or that is stored (module "")."""

    module: str
    name: str
    source: str = ""
    address: str = ""  #: of a wallet
    problem: str = ""  #: "" = present, decryptable and of the right form

    @property
    def is_ok(self) -> bool:
        return not self.problem


async def check_secrets(parts: SecretParts, table: SecretTable, profile: Profile) -> list[SecretCheck]:
    """Every required secret of every enabled strategy, and every other stored one."""
    wanted = [
        (module, name)
        for module, each in sorted(profile.strategies.items())
        if each.enabled
        for name in strategy_kind(module).required_secrets
    ]
    required = {name for _, name in wanted}
    others = [("", row.name) for row in await table.rows() if row.name not in required]
    return [await _check(parts, module, name) for module, name in wanted + others]


async def _check(parts: SecretParts, module: str, name: str) -> SecretCheck:
    source = await parts.service.source_of(name)
    try:
        secret = await parts.service.get(name, module=OPERATOR, purpose="check")
        address = derive_address(name, secret)
    except KernelError as error:
        return SecretCheck(module=module, name=name, source=source, problem=str(error))
    return SecretCheck(module=module, name=name, source=source, address=address)


def check_text(checks: list[SecretCheck], master: MasterKey, *, as_json: bool) -> str:
    """For a person, or one JSON object."""
    if as_json:
        shown = {
            "master_key": {"id": master.master_id, "origin": master.origin, "is_generated": master.is_generated},
            "is_ok": all(each.is_ok for each in checks),
            "secrets": [msgspec.structs.asdict(each) | {"is_ok": each.is_ok} for each in checks],
        }
        return msgspec.json.format(msgspec.json.encode(shown)).decode()
    note = " (generated, for demo and paper only)" if master.is_generated else ""
    lines = [f"ok      master key {master.master_id} from {master.origin}{note}"]
    for each in checks:
        what = f"{each.module or 'stored'}: {each.name}"
        if each.is_ok:
            lines.append(f"ok      {what} from {each.source}{', address ' + each.address if each.address else ''}")
        else:
            lines.append(f"FAILED  {what}: {each.problem.removeprefix(each.name).lstrip(': ')}")
    return "\n".join(lines)


async def list_text(parts: SecretParts, table: SecretTable, now_ns: int) -> str:
    """One line a secret, by name. A stored one that a file hides says so."""
    stored = {row.name: row for row in await table.rows()}
    outside = parts.service.names_outside_database()
    lines = []
    for name in sorted({*stored, *outside}):
        source = await parts.service.source_of(name)
        text = f"{name:<24} {source or 'unreadable':<12}"
        if name in stored:
            text += _ages(stored[name], now_ns)
            if source != "database":
                text += " (stored, but not used)"
        text += await _address(parts, name)
        lines.append(text.rstrip())
    return "\n".join(lines) or "no secrets"


async def _address(parts: SecretParts, name: str) -> str:
    kind = kind_of(name)
    if kind is None or not kind.wallet:
        return ""
    checked = await _check(parts, "", name)
    return f" address {checked.address}" if checked.is_ok else f" {checked.problem}"


def _ages(row: SecretRow, now_ns: int) -> str:
    used = f"used {_ago(row.last_used_at, now_ns)}" if row.last_used_at is not None else "never used"
    return f" version {row.version}, set {_ago(row.updated_at, now_ns)}, {used}"


def _ago(moment: datetime, now_ns: int) -> str:
    age_s = max(0, now_ns // NS_PER_S - int(moment.timestamp()))
    for size_s, unit in ((S_PER_DAY, "d"), (S_PER_HOUR, "h"), (S_PER_MINUTE, "min")):
        if age_s >= size_s:
            return f"{age_s // size_s} {unit} ago"
    return "just now"
