"""What launch pads tell: coins launched, traded on their curve, sold out, migrated to a pool; programs that changed."""

from bus.events.base import Event


class LaunchCreated(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_created"):
    """A coin was launched. `name` and `symbol` are its creator's own words, cut short: show them, trust nothing."""

    instrument: str
    slot: int
    tx: str
    platform: str  #: pumpfun, launchlab
    mint: str
    quote_mint: str
    creator: str
    token_program: str
    name: str
    symbol: str
    is_mayhem: bool


class LaunchTrade(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_trade"):
    """A trade on a curve and the reserves behind it, raw units. The quote amount is without fees."""

    instrument: str
    slot: int
    tx: str
    user: str
    is_buy: bool
    base_amount: int
    quote_amount: int
    fee_amount: int  #: all fees, in the quote
    virtual_base: int
    virtual_quote: int
    real_base: int
    real_quote: int


class LaunchSampled(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_sampled"):
    """How far a curve had come when somebody looked. What was traded in between is not told, so no trade follows."""

    instrument: str
    progress_pct: float  #: of the coins that the curve sells, 0..100
    quote_raw: int  #: that buyers have put into the curve and not taken out again
    buyers: int  #: distinct ones so far, as the source counts them
    top_share_pct: float  #: share of the largest few holders, as the source defines it
    is_sampled: bool = True


class LaunchCompleted(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_completed"):
    """The last coin for sale was sold: nothing trades until the migration."""

    instrument: str
    slot: int
    tx: str
    mint: str
    quote_mint: str


class LaunchMigrated(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_migrated"):
    """The liquidity moved to a pool, raw units."""

    instrument: str
    slot: int
    tx: str
    mint: str
    quote_mint: str
    pool: str
    base_amount: int
    quote_amount: int


class LaunchHolders(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="launch_holders"):
    """Who held the coin at a slot; shares in percent of the supply, the curve's own holding left out."""

    instrument: str
    slot: int
    holders: int
    top10_pct: float
    creator_pct: float


class ProgramChanged(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="program_changed"):
    """A program was deployed anew: what it does and how its accounts lie may have changed."""

    program: str
    slot: int  #: at which this was seen
    deploy_slot: int  #: at which it was deployed
