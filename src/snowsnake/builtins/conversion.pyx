# cython: language_level=3
"""Builtins between values and text: fromJSON; toJSON and toXML are written in output/.

In: text from a reader that gives one event at a time.  Out: values, built from the inside out without recursion.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memset

from snowsnake.builtins.assembly cimport *
from snowsnake.builtins.engines.json cimport (
    JSON_BEGIN_ARRAY, JSON_BEGIN_OBJECT, JSON_END, JSON_END_ARRAY, JSON_END_OBJECT, JSON_ERROR, JSON_FALSE, JSON_FLOAT, JSON_INT,
    JSON_KEY, JSON_NULL, JSON_STRING, JSON_TRUE, JsonEvent, JsonReader, json_reader_free, json_reader_init, json_reader_next,
)
from snowsnake.builtins.protocol cimport *
from snowsnake.builtins.registry cimport define
from snowsnake.machine.errors cimport raise_bytes, raise_text
from snowsnake.machine.heap cimport make_float, make_int
from snowsnake.machine.state cimport ERROR_MEMORY, ERROR_VALUE, Machine, RAISE
from snowsnake.machine.word cimport *
from snowsnake.output.json cimport to_json
from snowsnake.output.xml cimport to_xml, to_xml_as


cdef int _add_event(Assembly* a, JsonReader* reader, JsonEvent event) noexcept nogil:
    """DONE or RAISE."""
    if event == JSON_STRING:
        return assembly_string(a, reader.text, reader.text_size)
    if event == JSON_KEY:
        return assembly_name(a, reader.text, reader.text_size)
    if event == JSON_BEGIN_OBJECT or event == JSON_BEGIN_ARRAY:
        return assembly_open(a, event == JSON_BEGIN_OBJECT)
    if event == JSON_END_OBJECT or event == JSON_END_ARRAY:
        return assembly_close(a)
    if event == JSON_INT:
        return assembly_value(a, make_int(a.m, reader.integer))
    if event == JSON_FLOAT:
        return assembly_value(a, make_float(a.m, reader.number))
    if event == JSON_NULL:
        return assembly_value(a, WORD_NULL)
    return assembly_value(a, WORD_TRUE if event == JSON_TRUE else WORD_FALSE)


cdef int from_json(Machine* m, Word* fp) noexcept nogil:
    cdef JsonReader reader
    cdef Assembly assembly
    cdef JsonEvent event
    cdef int outcome = DONE
    assembly_init(&assembly, m)
    json_reader_init(&reader, string_data(fp[0]), string_size(fp[0]))
    while outcome == DONE:
        event = json_reader_next(&reader)
        if event == JSON_END:
            break
        if event == JSON_ERROR:
            outcome = (raise_text(m, ERROR_MEMORY, NULL) if reader.message.failed
                       else raise_bytes(m, ERROR_VALUE, reader.message.data, reader.message.size_bytes))
        else:
            outcome = _add_event(&assembly, &reader, event)
    m.result = assembly.root
    json_reader_free(&reader)
    assembly_free(&assembly)
    return outcome


define("toJSON", to_json)
define("fromJSON", from_json)
define("toXML", to_xml)
define("__toXML", to_xml_as)
