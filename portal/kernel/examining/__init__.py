"""Looking into handed-in files in a process that may die of them: what they are, what they say of themselves, a safe copy."""
