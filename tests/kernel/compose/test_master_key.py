"""Where the master key comes from: the order of sources, and what a live profile refuses."""

import shutil
from pathlib import Path

import msgspec
import pytest
import structlog

from kernel.compose.master_key import CREDENTIAL, find_master_key, generated_key_path, make_key_file
from kernel.compose.secret_environment import SecretEnvironment, take_environment
from kernel.errors import ConfigError
from kernel.profile import load_profile
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from persistence.data_key import DataKey
from persistence.master_key import MasterKey, key_of_passphrase, new_master_key_text

DEMO = load_profile("demo", {})
LIVE = msgspec.structs.replace(DEMO, is_live=True, mode="LIVE", name="prod")
NOTHING = SecretEnvironment()
CHEAP = 1 << 4  #: the real cost is 0.4 s


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    make_key_file(path)
    return path


def test_the_first_source_that_is_there_decides(tmp_path: Path, key_file: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    make_key_file(credentials / CREDENTIAL)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a long enough passphrase")
    passphrase.chmod(0o600)
    environment = SecretEnvironment(
        credentials_directory=credentials,
        master_key_file=key_file,
        master_passphrase_file=passphrase,
        master_key=new_master_key_text(),
    )
    without = [
        {},
        {"credentials_directory": None},
        {"master_key_file": None},
        {"master_passphrase_file": None},
        {"master_key": None},
    ]
    origins = []
    for gone in without:
        environment = msgspec.structs.replace(environment, **gone)
        origins.append(find_master_key(DEMO, tmp_path / "data", environment, scrypt_cost=CHEAP).origin)
    generated = str(generated_key_path(tmp_path / "data"))
    assert origins == [str(credentials / CREDENTIAL), str(key_file), "a passphrase", "the environment", generated]


def test_a_broken_source_is_refused_and_not_skipped(tmp_path: Path, key_file: Path) -> None:
    key_file.chmod(0o644)
    environment = SecretEnvironment(master_key_file=key_file, master_key=new_master_key_text())
    with pytest.raises(BadSecret, match="has mode 0644"):
        find_master_key(DEMO, tmp_path, environment)
    with pytest.raises(BadSecret, match="there is no such file"):
        find_master_key(DEMO, tmp_path, SecretEnvironment(master_key_file=tmp_path / "none"))


def test_a_systemd_credential_may_have_the_mode_of_its_access_list(tmp_path: Path) -> None:
    make_key_file(tmp_path / CREDENTIAL)
    (tmp_path / CREDENTIAL).chmod(0o440)
    environment = SecretEnvironment(credentials_directory=tmp_path)
    assert find_master_key(LIVE, tmp_path / "data", environment).origin == str(tmp_path / CREDENTIAL)
    (tmp_path / CREDENTIAL).chmod(0o460)
    with pytest.raises(BadSecret, match="not writable for others"):
        find_master_key(LIVE, tmp_path / "data", environment)


def test_a_generated_key_lies_outside_the_data_folder_and_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first, second = (find_master_key(DEMO, data, NOTHING) for _ in range(2))
    assert first.master_id == second.master_id and first.is_generated
    path = generated_key_path(data)
    assert path.stat().st_mode & 0o777 == 0o600
    assert data not in path.parents
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_a_live_profile_refuses_the_generated_key_wherever_it_was_copied(tmp_path: Path) -> None:
    find_master_key(DEMO, tmp_path / "data", NOTHING)
    copied = tmp_path / "my_own_key"
    shutil.copy(generated_key_path(tmp_path / "data"), copied)
    with pytest.raises(ConfigError, match="was generated for demo and paper"):
        find_master_key(LIVE, tmp_path / "data", SecretEnvironment(master_key_file=copied))
    with pytest.raises(ConfigError, match="no master key: a live profile needs KERNEL_MASTER_KEY_FILE"):
        find_master_key(LIVE, tmp_path / "data", NOTHING)


def test_the_demo_opens_what_it_wrote_with_the_copied_key_too(tmp_path: Path) -> None:
    generated = find_master_key(DEMO, tmp_path / "data", NOTHING)
    key = DataKey.generate()
    again = find_master_key(DEMO, tmp_path, SecretEnvironment(master_key_file=generated_key_path(tmp_path / "data")))
    assert again.unwrap(key.id, generated.wrap(key)) is not None


def test_a_passphrase_gives_the_same_key_with_the_same_salt_only(tmp_path: Path) -> None:
    def key(data: Path, text: str) -> str:
        return find_master_key(DEMO, data, NOTHING, ask_passphrase=lambda: Secret(text), scrypt_cost=CHEAP).master_id

    same = key(tmp_path / "a", "correct horse battery")
    assert key(tmp_path / "a", "correct horse battery") == same
    assert key(tmp_path / "a", "correct horse batteries") != same
    assert key(tmp_path / "b", "correct horse battery") != same
    (tmp_path / "a" / "master.salt").write_text("not hex at all")
    with pytest.raises(BadSecret, match="expected 32 hex digits; restore it"):
        key(tmp_path / "a", "correct horse battery")


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(BadSecret, match="at least 12 characters"):
        key_of_passphrase(Secret("short"), b"0" * 16, cost=CHEAP)


@pytest.mark.slow
def test_the_real_cost_of_a_passphrase_is_what_slows_a_guess() -> None:
    """One run at full cost, so that the limits of the library are known to allow it."""
    assert key_of_passphrase(Secret("correct horse battery"), b"0" * 16)


@pytest.mark.parametrize("text", ["", "short", "z" * 64, "A" * 43, "ü" * 44, "=" * 44])
def test_a_key_that_is_none_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadSecret, match="expected 32 bytes") as found:
        MasterKey(Secret(text), origin="a test")
    assert not text or text not in str(found.value)


def test_hex_and_base64_of_the_same_bytes_are_the_same_key() -> None:
    import base64

    raw = bytes(range(32))
    forms = [raw.hex(), base64.urlsafe_b64encode(raw).decode()]
    assert len({MasterKey(Secret(each), origin="a test").master_id for each in forms}) == 1


def test_a_key_in_the_environment_warns_and_is_gone_from_it(tmp_path: Path) -> None:
    text = new_master_key_text().reveal()
    env = {"KERNEL_MASTER_KEY": text, "PATH": "/bin"}
    environment = take_environment(env)
    assert env == {"PATH": "/bin"}
    with structlog.testing.capture_logs() as logs:
        find_master_key(DEMO, tmp_path, environment)
    assert [each["event"] for each in logs] == ["master_key_from_environment"]
    assert text not in str(logs)
