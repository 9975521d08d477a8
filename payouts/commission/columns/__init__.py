"""A month of confirmed money by the column: what `engine` says of each payment, said of a million. `engine` is the specification."""
