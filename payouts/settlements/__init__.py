"""An agency's payable for a period: statement, maker and checker."""
