"""Who runs the jobs: one supervisor that owns the store, and children that compute.

    Claimer ──► backlog ──► Pool ──frames──► child ──► pipeline ──► handler
       ▲                      │                                        │
     driver                 Engine ◄────────────── outcome ────────────┘
       ▲                      │
    Settler ◄─────────────────┘          Keeper: lease, inbox, rescue, retention

Decision: the supervisor claims and settles in batches for all its children; a child is a function from a claim
to an outcome and has no connection to the store. So a handler can starve no lease, a killed child costs one
attempt, and one connection serves a machine. Against it: the supervisor's one core is the ceiling, which is why
frames are msgpack structs, payloads pass through as text, and what has *started* is read from shared memory
instead of being told.

Decision: children are forked from a template process that has imported the plugins, and adopted by the
supervisor (it is a subreaper), so that the kernel itself reports every death and its signal to the supervisor.
Python's forkserver hides exit codes and cannot be replaced on reload. The cost: Linux.

Read `engine` first, then `pool`, then `child`.
"""
