# cython: language_level=3
from snowsnake.bytecode.image cimport Image

cdef object image_to_python(Image* image)
    # Returns the top level as a bytecode.view.Chunk; everything is copied.
