"""What complaints and early warnings mean for money."""
