"""Log files of the whole process: written by a thread, rotated by size, read back by pages."""
