"""Files that nobody meant to write, in great number, given to every reader."""
