"""The published PSPNets, written from what their papers and codes say, without a line of hairseg.

Each has the tensor names of its published files. They are slow to read and plain on purpose: they are what
hairseg's one network with many arguments is compared with.
"""
