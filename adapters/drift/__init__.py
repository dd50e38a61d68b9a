"""Drift v2, history only, and what its fork Velocity shares with it: market, user and funding records by layout."""

from adapters.drift.funding_record import FundingPayment, decode_settlement
from adapters.drift.layout import MarketPaths, PerpLayout
from adapters.drift.perp_market import PerpMarket
from adapters.drift.program import drift
from adapters.drift.user import PerpUser

__all__ = ["FundingPayment", "MarketPaths", "PerpLayout", "PerpMarket", "PerpUser", "decode_settlement", "drift"]
