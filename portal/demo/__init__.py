"""The demo bank: four months of invented life, loaded through the same services as real files."""
