"""What files a store has, and whether their bytes are right."""
