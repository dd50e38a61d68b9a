"""Values that must not be seen: their type, their names, what scrubs them, and who may sign with them."""
