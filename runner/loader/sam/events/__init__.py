"""What SAM makes of the `Events` of functions and state machines."""
