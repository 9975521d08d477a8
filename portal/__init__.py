"""The portal's doors (web, command line), its access rules, and the kernel beneath everything."""
