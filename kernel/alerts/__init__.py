"""From events to people: notices, their queues and lanes, and what an operator may ask; channels are adapters."""
