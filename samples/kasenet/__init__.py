"""KaseNet's inventory, as its published notice states it, and its eight registers filled with artificial people."""
