"""Workers as users run them: real processes, real signals, a real store."""
