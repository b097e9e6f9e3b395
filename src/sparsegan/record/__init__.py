"""What a run leaves on the disk: its directory, checkpoints and events, and the cost they tell."""
