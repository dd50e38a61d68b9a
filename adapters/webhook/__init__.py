"""Alerts as signed JSON to URLs of the operator's choice, or as texts for Slack and Discord."""
