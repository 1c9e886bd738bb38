"""Pure: model in, model out. No I/O, no printing, no clock."""
