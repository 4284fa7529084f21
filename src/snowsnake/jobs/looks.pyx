# cython: language_level=3
"""Looks at many paths at once, without the interpreter's lock, so that another thread can evaluate meanwhile.

In: arrays of a ledger (`jobs/ledger.py`).  Out: for each question, whether it certainly has the same answer; for each list of questions, the index
of the first one that may have another answer.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcmp, strncmp
from snowsnake.foundation.allocate cimport allocate_zeros

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #include <sys/stat.h>

    struct jobs_look {
        /* `type` is that of dependencies.py, or 0 if nothing is there; `stamp` has the numbers of its `stamp_text`. */
        uint8_t is_there, type, has_stamp;
        int64_t stamp[4];
    };

    static void jobs_look_at(const char *path, struct jobs_look *look)
    {
        struct stat st;
        look->is_there = 1;
        if (lstat(path, &st)) {
            look->type = errno == ENOENT || errno == ENOTDIR ? 0 : 255;
            return;
        }
        look->type = S_ISREG(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? 2 : S_ISLNK(st.st_mode) ? 3 : 4;
        look->has_stamp = look->type == 1 && st.st_blocks > 0 && st.st_ctim.tv_nsec;
        look->stamp[0] = (int64_t)((uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec);
        look->stamp[1] = (int64_t)((uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec);
        look->stamp[2] = (int64_t)st.st_ino;
        look->stamp[3] = (int64_t)st.st_size;
    }
    """
    struct jobs_look:
        uint8_t is_there
        uint8_t type
        uint8_t has_stamp
        int64_t[4] stamp
    void jobs_look_at(const char* path, jobs_look* look) nogil

cdef enum Question:
    # Only Python can ask this question.
    QUESTION_OTHER = 0
    # We ask whether what is at the path has this type; 0 means that nothing is there.
    QUESTION_TYPE = 1
    # We ask whether the file has this stamp, and so the same contents.
    QUESTION_STAMP = 2

cdef struct Asked:
    uint32_t path
    uint8_t question
    uint8_t type
    uint8_t[2] unused
    int64_t[4] stamp


# The numbers of the questions, for ledger.py, which writes them.
OTHER, TYPE, STAMP = QUESTION_OTHER, QUESTION_TYPE, QUESTION_STAMP


def unchanged(bytes paths not None, bytes starts not None, bytes questions not None, bytes elsewhere not None, bint trusts_stamps):
    """A byte for each question: 1 if its answer is certainly the same, 0 if it must be asked.

    *elsewhere*: the beginning of paths that may lie at another place on disk; they are not looked at.  It may be empty.
    """
    cdef const char* text = paths
    cdef const uint32_t* start = <const uint32_t*><const char*>starts
    cdef const Asked* asked = <const Asked*><const char*>questions
    cdef const char* outside = elsewhere
    cdef size_t outside_size = len(elsewhere), count = len(questions) // sizeof(Asked), i
    cdef jobs_look* looks = <jobs_look*>allocate_zeros(len(starts) // sizeof(uint32_t) + 1, sizeof(jobs_look))
    cdef jobs_look* look
    found = bytearray(count)
    cdef uint8_t* holds = found
    if looks == NULL:
        raise MemoryError
    with nogil:
        for i in range(count):
            if asked[i].question == QUESTION_OTHER or (asked[i].question == QUESTION_STAMP and not trusts_stamps):
                continue
            look = &looks[asked[i].path]
            if not look.is_there:
                if outside_size and strncmp(&text[start[asked[i].path]], outside, outside_size) == 0:
                    continue
                jobs_look_at(&text[start[asked[i].path]], look)
            if asked[i].question == QUESTION_TYPE:
                holds[i] = look.type == asked[i].type
            else:
                holds[i] = look.has_stamp and memcmp(look.stamp, asked[i].stamp, sizeof(look.stamp)) == 0
        free(looks)
    return found


def first_changed(bytes starts not None, bytes numbers not None, bytearray holds not None):
    """For each list of questions, the index of its first question that does not hold, or its size if all hold; as an array of 32-bit numbers.

    *starts*: where each list begins in *numbers*, and where the last one ends.  *numbers*: the questions, as indices into *holds*.
    """
    cdef const uint32_t* start = <const uint32_t*><const char*>starts
    cdef const uint32_t* number = <const uint32_t*><const char*>numbers
    cdef const uint8_t* is_same = holds
    cdef size_t count = len(starts) // sizeof(uint32_t) - 1, i
    cdef uint32_t at
    found = bytearray(count * sizeof(uint32_t))
    cdef uint32_t* first = <uint32_t*><char*>found
    with nogil:
        for i in range(count):
            at = start[i]
            while at < start[i + 1] and is_same[number[at]]:
                at += 1
            first[i] = at - start[i]
    return bytes(found)
