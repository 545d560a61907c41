"""Whether a data set that someone made is safe to train on."""
