"""What could not be stored waits here, on disk, until the warehouse answers again: files, their folder, and their replay."""
