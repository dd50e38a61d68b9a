"""Anchor programs by their IDL files: accounts, events and instructions of both IDL generations."""

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.codec import Codec
from adapters.anchor.discriminator import discriminator
from adapters.anchor.idl import Idl

__all__ = ["BadIdl", "Codec", "Idl", "discriminator"]
