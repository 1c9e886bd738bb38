"""One file a verb: parse, launch or read, analyse, render, exit status; no logic of their own."""
