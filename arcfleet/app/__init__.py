"""What people call: the command line, the live view, the rehearsal against the simulator."""
