"""Side by side with peers, a file each; run by `pawl bench`."""
