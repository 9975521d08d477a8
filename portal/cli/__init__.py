"""The `portal` command: thin files, one a feature; parse, call a service inside one unit of work, print."""
