"""What an attempt was worth, who says so, how sure."""
