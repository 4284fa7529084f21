# cython: language_level=3
"""Builtins that convert between values and text: fromJSON and fromTOML are here, toJSON and toXML in output/.

In: text, from a reader that returns one event at a time.  Out: values, built from the inside out without recursion.
"""
from libc.stdint cimport uint8_t

from snowsnake.builtins.assembly cimport (
    Assembly, assembly_close, assembly_free, assembly_init, assembly_name, assembly_open, assembly_string,
    assembly_value,
)
from snowsnake.builtins.engines.events cimport (
    EVENT_BEGIN_ARRAY, EVENT_BEGIN_OBJECT, EVENT_END, EVENT_END_ARRAY, EVENT_END_OBJECT, EVENT_ERROR, EVENT_FLOAT, EVENT_INT,
    EVENT_KEY, EVENT_NULL, EVENT_STRING, EVENT_TIMESTAMP, EVENT_TRUE, Datum, Event,
)
from snowsnake.builtins.engines.json cimport json_reader_free, json_reader_init, json_reader_next
from snowsnake.builtins.engines.json_tokens cimport JsonReader
from snowsnake.builtins.engines.toml cimport toml_reader_free, toml_reader_init, toml_reader_next
from snowsnake.builtins.engines.toml_values cimport TomlReader
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.diagnostics.message_table cimport MESSAGE_TOML_TIME
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.host.policy cimport host_has_feature
from snowsnake.host.state cimport FEATURE_PARSE_TOML_TIMESTAMPS
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.errors cimport of_part, raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.heap cimport make_float, make_int
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, ERROR_VALUE, RAISE, Machine, PART_ELEMENT, PART_NONE
from snowsnake.machine.word cimport WORD_FALSE, WORD_NULL, WORD_TRUE, Word, string_data, string_size
from snowsnake.output.json cimport to_json, to_plain_json, to_shallow_json, trace_json
from snowsnake.output.xml cimport to_xml, to_xml_as, trace_xml


cdef int _add_timestamp(Assembly* a, const Datum* datum) noexcept nogil:
    """Adds the set of a timestamp if the feature is on; otherwise raises an error."""
    cdef bint fits
    if not host_has_feature(a.m, FEATURE_PARSE_TOML_TIMESTAMPS):
        return raise_message(a.m, worded(MESSAGE_TOML_TIME))
    fits = (assembly_open(a, True) == DONE and assembly_name(a, <const uint8_t*>"_type", 5) == DONE
            and assembly_string(a, <const uint8_t*>"timestamp", 9) == DONE
            and assembly_name(a, <const uint8_t*>"value", 5) == DONE
            and assembly_string(a, datum.text, datum.text_size) == DONE)
    return assembly_close(a) if fits else RAISE


cdef int _add(Assembly* a, Event event, const Datum* datum) noexcept nogil:
    """Takes an event, which must not be EVENT_END or EVENT_ERROR.  Returns DONE or RAISE."""
    if event == EVENT_STRING:
        return assembly_string(a, datum.text, datum.text_size)
    if event == EVENT_KEY:
        return assembly_name(a, datum.text, datum.text_size)
    if event == EVENT_INT:
        return assembly_value(a, make_int(a.m, datum.integer))
    if event == EVENT_FLOAT:
        return assembly_value(a, make_float(a.m, datum.number))
    if event == EVENT_BEGIN_OBJECT or event == EVENT_BEGIN_ARRAY:
        return assembly_open(a, event == EVENT_BEGIN_OBJECT)
    if event == EVENT_END_OBJECT or event == EVENT_END_ARRAY:
        return assembly_close(a)
    if event == EVENT_TIMESTAMP:
        return _add_timestamp(a, datum)
    if event == EVENT_NULL:
        return assembly_value(a, WORD_NULL)
    return assembly_value(a, WORD_TRUE if event == EVENT_TRUE else WORD_FALSE)


cdef int _raise_message(Machine* m, const Bytes* message) noexcept nogil:
    if message.failed:
        return raise_text(m, ERROR_MEMORY, NULL)
    return raise_bytes(m, ERROR_VALUE, message.data, message.size)


cdef int from_json(Machine* m, Word* fp) noexcept nogil:
    cdef JsonReader reader
    cdef Assembly assembly
    cdef Event event
    cdef int outcome = DONE
    assembly_init(&assembly, m)
    json_reader_init(&reader, string_data(fp[0]), string_size(fp[0]))
    while outcome == DONE:
        event = json_reader_next(&reader)
        if event == EVENT_END:
            break
        if must_stop(m):
            outcome = stop(m)
        elif event == EVENT_ERROR:
            outcome = of_part(m, PART_ELEMENT + 1 if reader.is_nix_error else PART_NONE, _raise_message(m, &reader.message))
        else:
            outcome = _add(&assembly, event, &reader.datum)
    m.result = assembly.root
    json_reader_free(&reader)
    assembly_free(&assembly)
    return outcome


cdef int from_toml(Machine* m, Word* fp) noexcept nogil:
    cdef TomlReader reader
    cdef Assembly assembly
    cdef Event event
    cdef int outcome = DONE
    assembly_init(&assembly, m)
    if not toml_reader_init(&reader, string_data(fp[0]), string_size(fp[0]), &m.attention):
        outcome = stop(m) if must_stop(m) else _raise_message(m, &reader.message)
    while outcome == DONE:
        event = toml_reader_next(&reader)
        if event == EVENT_END:
            break
        outcome = stop(m) if must_stop(m) else _add(&assembly, event, &reader.datum)
    m.result = assembly.root
    toml_reader_free(&reader)
    assembly_free(&assembly)
    return outcome


define("toJSON", to_json)
define_trace("toJSON", trace_json)
define("__toPlainJSON", to_plain_json)
define_trace("__toPlainJSON", trace_json)
define("__toShallowJSON", to_shallow_json)
define_trace("__toShallowJSON", trace_json)
define("fromTOML", from_toml)
define("fromJSON", from_json)
define("toXML", to_xml)
define("__toXML", to_xml_as)
define_trace("__toXML", trace_xml)
