"""melmill.bench_training: what a store saves a training on this machine."""
