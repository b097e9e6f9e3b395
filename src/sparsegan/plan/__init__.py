"""What a run is going to be and to cost, before it is trained."""
