"""Letters and notices to borrowers: templates, PDFs, and the register of their dispatch."""
