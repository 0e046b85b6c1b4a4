"""Where jobs wait. `protocol` is the seam; each module beside it is one store."""
