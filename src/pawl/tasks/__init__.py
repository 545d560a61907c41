"""Where problems come from; a task knows its rules and its truth."""
