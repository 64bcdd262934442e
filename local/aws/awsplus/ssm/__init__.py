"""Run Command, and the guests that run the commands."""
