"""What is sealed under a name and version opens under these alone."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from kernel.secrets.secret import Secret
from persistence.data_key import DataKey
from persistence.master_key import MasterKey, new_master_key_text

KEY, OTHER = DataKey.generate(), DataKey.generate()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MASTER = MasterKey(new_master_key_text(), origin="a test")


@given(TEXT, st.integers(0, 2**62), TEXT)
def test_it_opens_as_it_was_sealed(name: str, version: int, value: str) -> None:
    assert KEY.open(name, version, KEY.seal(name, version, Secret(value))) == Secret(value)


@given(TEXT, TEXT, st.integers(0, 99), st.integers(0, 99), TEXT)
def test_another_name_version_or_key_opens_nothing(name: str, other: str, version: int, later: int, value: str) -> None:
    sealed = KEY.seal(name, version, Secret(value))
    if (name, version) != (other, later):
        assert isinstance(KEY.open(other, later, sealed), str)
    assert isinstance(OTHER.open(name, version, sealed), str)


@given(TEXT)
def test_any_text_is_refused_in_words(ciphertext: str) -> None:
    assert isinstance(KEY.open("name", 1, ciphertext), str)
    assert MASTER.unwrap(KEY.id, ciphertext) is None


def test_a_wrapped_key_unwraps_under_its_own_id_and_master_alone() -> None:
    wrapped = MASTER.wrap(KEY)
    found = MASTER.unwrap(KEY.id, wrapped)
    assert found is not None and found.material() == KEY.material()
    assert MASTER.unwrap(UUID(int=1), wrapped) is None
    assert MasterKey(new_master_key_text(), origin="another").unwrap(KEY.id, wrapped) is None
