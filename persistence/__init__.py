"""The log as seen from Postgres: launcher, migrations, projector."""
