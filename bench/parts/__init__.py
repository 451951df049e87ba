"""What the benchmarks are made of. Each script beside this folder runs one comparison."""
