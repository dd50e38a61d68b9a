"""A recorded log as a feed."""
