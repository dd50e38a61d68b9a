"""Telegram's Bot API over HTTPS: messages out, commands in (https://core.telegram.org/bots/api; not verified live)."""
