"""What the machine gives: clock, files and watching, subprocesses, the HTTP listener, ids."""
