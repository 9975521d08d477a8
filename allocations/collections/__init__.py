"""What agencies say they collected."""
