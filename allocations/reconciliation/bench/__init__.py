"""What people see and decide: suggestions, breaks, links by hand, money nobody claims."""
