"""What outlives the process: narrow ports and their SQLite implementation. All SQL lives here."""
