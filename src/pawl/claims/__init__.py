"""Published results, measured again: a file a claim."""
