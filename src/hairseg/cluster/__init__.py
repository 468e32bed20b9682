"""Photos by the million, on Ray Data: ``hairseg cluster run INPUT OUTPUT``.

    store   a folder here or in an object store; whole files or none
    plan    INPUT -> blocks of photos, written down before any work starts
    source  one block -> its photos' bytes, read ahead
    rows    one photo's result, or its failure, as a row of a table
    worker  one block -> one file of rows, in an actor with a model of its own
    alone   a block that killed its worker, each photo in a process apart
    resume  what an earlier run has left to do
    run     all blocks, over all workers; what is there already is not done again

What a photo goes through is that of :mod:`hairseg.segmenter`; nothing here looks at pixels.
"""
