# cython: language_level=3
"""Builtins between values and text: fromJSON and fromTOML; toJSON and toXML are in output/.

In: text, from a reader that returns one event at a time.  Out: values, built from the inside out without recursion.
"""
from libc.stdint cimport uint8_t

from snowsnake.builtins.assembly cimport (
    Assembly, assembly_close, assembly_free, assembly_init, assembly_name, assembly_open, assembly_string,
    assembly_value,
)
from snowsnake.builtins.engines.json cimport (
    JSON_BEGIN_ARRAY, JSON_BEGIN_OBJECT, JSON_END, JSON_END_ARRAY, JSON_END_OBJECT, JSON_ERROR, JSON_FALSE, JSON_FLOAT,
    JSON_INT, JSON_KEY, JSON_NULL, JSON_STRING, JSON_TRUE, JsonEvent, json_reader_free, json_reader_init,
    json_reader_next,
)
from snowsnake.builtins.engines.json_tokens cimport JsonReader
from snowsnake.builtins.engines.toml cimport TOML_TIMESTAMP, toml_reader_free, toml_reader_init, toml_reader_next
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
from snowsnake.output.json cimport to_json, to_plain_json, trace_json
from snowsnake.output.xml cimport to_xml, to_xml_as


cdef enum:
    NOT_SIMPLE = -1


cdef int _add_simple(Assembly* a, int event) noexcept nogil:
    """Takes an event that carries no data: DONE, RAISE or NOT_SIMPLE."""
    if event == JSON_BEGIN_OBJECT or event == JSON_BEGIN_ARRAY:
        return assembly_open(a, event == JSON_BEGIN_OBJECT)
    if event == JSON_END_OBJECT or event == JSON_END_ARRAY:
        return assembly_close(a)
    if event == JSON_NULL:
        return assembly_value(a, WORD_NULL)
    if event == JSON_TRUE or event == JSON_FALSE:
        return assembly_value(a, WORD_TRUE if event == JSON_TRUE else WORD_FALSE)
    return NOT_SIMPLE


cdef int _raise_message(Machine* m, const Bytes* message) noexcept nogil:
    if message.failed:
        return raise_text(m, ERROR_MEMORY, NULL)
    return raise_bytes(m, ERROR_VALUE, message.data, message.size)


# ---- JSON -------------------------------------------------------------------------------------------------------

cdef int _add_json(Assembly* a, JsonReader* reader, JsonEvent event) noexcept nogil:
    if event == JSON_STRING:
        return assembly_string(a, reader.text, reader.text_size)
    if event == JSON_KEY:
        return assembly_name(a, reader.text, reader.text_size)
    if event == JSON_INT:
        return assembly_value(a, make_int(a.m, reader.integer))
    if event == JSON_FLOAT:
        return assembly_value(a, make_float(a.m, reader.number))
    return _add_simple(a, event)


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
        if must_stop(m):
            outcome = stop(m)
        elif event == JSON_ERROR:
            outcome = of_part(m, PART_ELEMENT + 1 if reader.is_nix_error else PART_NONE, _raise_message(m, &reader.message))
        else:
            outcome = _add_json(&assembly, &reader, event)
    m.result = assembly.root
    json_reader_free(&reader)
    assembly_free(&assembly)
    return outcome


# ---- TOML -------------------------------------------------------------------------------------------------------

cdef int _add_timestamp(Assembly* a, TomlReader* reader) noexcept nogil:
    """A set that says that it is a timestamp, if the feature is on."""
    cdef bint fits
    if not host_has_feature(a.m, FEATURE_PARSE_TOML_TIMESTAMPS):
        return raise_message(a.m, worded(MESSAGE_TOML_TIME))
    fits = (assembly_open(a, True) == DONE and assembly_name(a, <const uint8_t*>"_type", 5) == DONE
            and assembly_string(a, <const uint8_t*>"timestamp", 9) == DONE
            and assembly_name(a, <const uint8_t*>"value", 5) == DONE
            and assembly_string(a, reader.text, reader.text_size) == DONE)
    return assembly_close(a) if fits else RAISE


cdef int _add_toml(Assembly* a, TomlReader* reader, int event) noexcept nogil:
    if event == JSON_STRING:
        return assembly_string(a, reader.text, reader.text_size)
    if event == JSON_KEY:
        return assembly_name(a, reader.text, reader.text_size)
    if event == JSON_INT:
        return assembly_value(a, make_int(a.m, reader.integer))
    if event == JSON_FLOAT:
        return assembly_value(a, make_float(a.m, reader.number))
    if event == TOML_TIMESTAMP:
        return _add_timestamp(a, reader)
    return _add_simple(a, event)


cdef int from_toml(Machine* m, Word* fp) noexcept nogil:
    cdef TomlReader reader
    cdef Assembly assembly
    cdef int event, outcome = DONE
    assembly_init(&assembly, m)
    if not toml_reader_init(&reader, string_data(fp[0]), string_size(fp[0]), &m.attention):
        outcome = stop(m) if must_stop(m) else _raise_message(m, &reader.message)
    while outcome == DONE:
        event = toml_reader_next(&reader)
        if event == JSON_END:
            break
        outcome = stop(m) if must_stop(m) else _add_toml(&assembly, &reader, event)
    m.result = assembly.root
    toml_reader_free(&reader)
    assembly_free(&assembly)
    return outcome


define("toJSON", to_json)
define_trace("toJSON", trace_json)
define("__toPlainJSON", to_plain_json)
define_trace("__toPlainJSON", trace_json)
define("fromTOML", from_toml)
define("fromJSON", from_json)
define("toXML", to_xml)
define("__toXML", to_xml_as)
