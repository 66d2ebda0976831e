"""What is alive: loops and processes that lease, decide, do and acknowledge."""
