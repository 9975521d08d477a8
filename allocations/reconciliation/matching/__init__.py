"""What a run decides: pure rules over frames of facts."""
