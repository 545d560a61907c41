"""Pages for people to look at, each a file that works offline."""
