"""Grows random types with values, and writes the same types down in both IDL generations."""

from typing import Any

from hypothesis import strategies as st
from solders.pubkey import Pubkey

Grown = tuple[Any, Any, "st.SearchStrategy[Any]"]  #: (type as up to 0.29, type as since 0.30, values)


def _integer(name: str) -> Grown:
    bits, signed = int(name[1:]), name[0] == "i"
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return name, name, st.integers(low, high)


KEYS = st.binary(min_size=32, max_size=32).map(lambda raw: str(Pubkey.from_bytes(raw)))
SCALARS: list[Grown] = [
    *(_integer(sign + bits) for sign in "ui" for bits in ("8", "16", "32", "64", "128", "256")),
    ("bool", "bool", st.booleans()),
    ("f32", "f32", st.floats(width=32, allow_nan=False)),
    ("f64", "f64", st.floats(allow_nan=False)),
    ("publicKey", "pubkey", KEYS),
]
FLOWING: list[Grown] = [
    ("string", "string", st.text(max_size=12)),
    ("bytes", "bytes", st.binary(max_size=12)),
    ({"vec": "u8"}, {"vec": "u8"}, st.binary(max_size=12)),
]


class Garden:
    """Collects the named types that grow on the way."""

    def __init__(self, draw: Any, is_fixed: bool) -> None:
        self.draw = draw
        self.is_fixed = is_fixed  #: zero-copy: nothing of varying size
        self.old: list[dict[str, Any]] = []
        self.new: list[dict[str, Any]] = []

    def grow(self, depth: int) -> Grown:
        kinds = ["scalar", "array", "struct", "plain_enum", "generic"]
        if not self.is_fixed:
            kinds += ["flowing", "option", "vec", "fielded_enum", "tuple_struct", "coption", "alias"]
        kind = self.draw(st.sampled_from(kinds if depth > 0 else ["scalar"]))
        match kind:
            case "scalar":
                return self.draw(st.sampled_from(SCALARS))
            case "flowing":
                return self.draw(st.sampled_from(FLOWING))
            case "array":
                return self._array(depth)
            case "option":
                old, new, values = self._but_not_nested(depth)
                return {"option": old}, {"option": new}, st.none() | values
            case "coption":
                old, new, values = self.draw(st.sampled_from(SCALARS))
                return {"coption": old}, {"coption": new}, st.none() | values
            case "vec":
                old, new, values = self.grow(depth - 1)
                return {"vec": old}, {"vec": new}, _bytes_or_list(new, values, None)
            case "alias":
                old, new, values = self.grow(depth - 1)
                return self._name({"kind": "alias", "value": old}, {"kind": "type", "alias": new}, values)
        return self._named(kind, depth)

    def _but_not_nested(self, depth: int) -> Grown:
        """No option within an option: None would have two meanings."""
        old, new, values = self.grow(depth - 1)
        if "option" in str(old) or "Named" in str(old):
            return "u8", "u8", st.integers(0, 255)
        return old, new, values

    def _array(self, depth: int) -> Grown:
        old, new, values = self.grow(depth - 1)
        count = self.draw(st.integers(1, 4))
        return {"array": [old, count]}, {"array": [new, count]}, _bytes_or_list(new, values, count)

    def _named(self, kind: str, depth: int) -> Grown:
        grown = [self.grow(depth - 1) for _ in range(self.draw(st.integers(1, 4)))]
        names = [f"f{number}" for number in range(len(grown))]
        if kind == "struct":
            fields = [_fields(names, [each[side] for each in grown]) for side in (0, 1)]
            values: Any = st.fixed_dictionaries(dict(zip(names, (each[2] for each in grown), strict=True)))
            return self._name({"kind": "struct", "fields": fields[0]}, {"kind": "struct", "fields": fields[1]}, values)
        if kind == "tuple_struct":
            bodies = [{"kind": "struct", "fields": [each[side] for each in grown]} for side in (0, 1)]
            return self._name(bodies[0], bodies[1], st.tuples(*(each[2] for each in grown)))
        if kind == "plain_enum":
            body = {"kind": "enum", "variants": [{"name": name} for name in names]}
            return self._name(body, body, st.sampled_from(names))
        if kind == "fielded_enum":
            first = grown[0]
            variants = [
                [{"name": "Bare"}, {"name": "Named", "fields": _fields(["x"], [first[side]])},
                 {"name": "Tuple", "fields": [first[side], "u16"]}]
                for side in (0, 1)
            ]  # fmt: skip
            values = st.one_of(
                st.just("Bare"),
                st.fixed_dictionaries({"Named": st.fixed_dictionaries({"x": first[2]})}),
                st.fixed_dictionaries({"Tuple": st.tuples(first[2], st.integers(0, 65_535))}),
            )
            return self._name(
                {"kind": "enum", "variants": variants[0]}, {"kind": "enum", "variants": variants[1]}, values
            )
        return self._generic(grown[0])

    def _generic(self, inner: Grown) -> Grown:
        """A struct over a type and a length: only the newer generation can say it; the older spells it out."""
        count = self.draw(st.integers(1, 3))
        item = inner[2]
        values = st.fixed_dictionaries({"one": item, "many": _bytes_or_list(inner[1], item, count, is_generic=True)})
        spelt = {"kind": "struct", "fields": _fields(["one", "many"], [inner[0], {"array": [inner[0], count]}])}
        name = f"Named{len(self.new)}"
        self.old.append({"name": name, "type": spelt})
        self.new.append({
            "name": name,
            "generics": [{"kind": "type", "name": "T"}, {"kind": "const", "name": "N", "type": "usize"}],
            "type": {
                "kind": "struct",
                "fields": _fields(
                    ["one", "many"], [{"generic": "T"}, {"array": [{"generic": "T"}, {"generic": "N"}]}]
                ),
            },
        })  # fmt: skip
        use = {"name": name, "generics": [{"kind": "type", "type": inner[1]}, {"kind": "const", "value": str(count)}]}
        return {"defined": name}, {"defined": use}, values

    def _name(self, old: Any, new: Any, values: "st.SearchStrategy[Any]") -> Grown:
        name = f"Named{len(self.new)}"
        self.old.append({"name": name, "type": old})
        self.new.append({"name": name, "type": new})
        return {"defined": name}, {"defined": {"name": name}}, values


def _fields(names: list[str], types: list[Any]) -> list[dict[str, Any]]:
    return [{"name": name, "type": each} for name, each in zip(names, types, strict=True)]


def _bytes_or_list(item: Any, values: "st.SearchStrategy[Any]", count: int | None, *, is_generic: bool = False) -> Any:
    low, high = (0, 3) if count is None else (count, count)
    if item == "u8" and not is_generic:
        return st.binary(min_size=low, max_size=high)
    return st.lists(values, min_size=low, max_size=high)


@st.composite
def programs(draw: Any, *, is_fixed: bool = False) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """(IDL as up to 0.29, IDL as since 0.30, a value of the account, event and arguments "Thing")."""
    garden = Garden(draw, is_fixed)
    grown = [garden.grow(3) for _ in range(draw(st.integers(1, 5)))]
    names = [f"a{number}" for number in range(len(grown))]
    value = draw(st.fixed_dictionaries(dict(zip(names, (each[2] for each in grown), strict=True))))
    old_fields, new_fields = (_fields(names, [each[side] for each in grown]) for side in (0, 1))
    body = {"kind": "struct", "fields": old_fields}
    old = {
        "version": "1.0.0", "name": "grown", "types": garden.old,
        "accounts": [{"name": "Thing", "type": body}],
        "events": [{"name": "ThingHappened", "fields": [{**each, "index": False} for each in old_fields]}],
        "instructions": [{"name": "doThing", "accounts": [], "args": old_fields}],
    }  # fmt: skip
    new_body = {"kind": "struct", "fields": new_fields}
    packing = {"serialization": "bytemuck", "repr": {"kind": "c"}} if is_fixed else {}
    new = {
        "address": "11111111111111111111111111111111", "metadata": {"name": "grown", "spec": "0.1.0"},
        "types": [*garden.new, {"name": "Thing", "type": new_body, **packing},
                  {"name": "ThingHappened", "type": new_body}],
        "accounts": [{"name": "Thing"}], "events": [{"name": "ThingHappened"}],
        "instructions": [{"name": "do_thing", "accounts": [], "args": new_fields}],
    }  # fmt: skip
    return old, new, value
