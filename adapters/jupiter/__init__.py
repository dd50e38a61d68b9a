"""Jupiter: routes of the aggregator, checked before they are signed."""
