"""What a person must decide about a borrower: compromises, and later complaints, legal readiness, campaigns."""
