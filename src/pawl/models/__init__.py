"""What proposes and estimates: the transformer, its tokenizer, its sampler and its checkpoints."""
