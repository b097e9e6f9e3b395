"""What a run leaves on the disk: its directory, checkpoints, events, and what it has cost."""
