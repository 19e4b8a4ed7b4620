"""S2: ten thousand people at a thousand boards of one process, drawing as people do."""
