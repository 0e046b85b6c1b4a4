-- Tell workers to read the lanes anew.
UPDATE jobq_counter SET lanes_pruned = lanes_pruned + 1
