"""The calls themselves: how they arrive, who may go on, what happens to them, and how they are answered."""
