"""Who plays board games: at random, by looking ahead, by a network, exactly, or as another program."""
