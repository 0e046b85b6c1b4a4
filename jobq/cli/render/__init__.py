"""What people read: the only place that formats for them.

Data may hold anything, terminal escapes too; every text on its way to a terminal goes through `output.safe`. Tables
have no frames and fit into 80 columns; beside a terminal, in a pipe, nothing is cut.

rich is imported by the functions that need it, so that these modules cost nothing.

    console  the terminal: width, colours
    words    ids, times, amounts
    tables   rows and columns
    jobs     what jobs look like
    others   queues, workers, handlers, plugins
    sums     stats and health
"""
