"""Bank files in, statements out: pure readers of MT940, camt.05x, BAI2, OFX, CSV and XLSX."""
