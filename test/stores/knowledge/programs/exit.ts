// Ends at once: a process that is gone.
