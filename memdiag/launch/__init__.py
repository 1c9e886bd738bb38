"""Starts and watches processes; turns what their probes leave behind into captures."""
