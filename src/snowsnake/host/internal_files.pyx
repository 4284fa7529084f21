# cython: language_level=3
"""Files that are on no disk: those that come with the evaluator, at `<nix/NAME>`, and texts that only the evaluation has."""
from libc.stdint cimport uint8_t
from libc.string cimport memcmp, strlen

from snowsnake.host.byte_map cimport map_find
from snowsnake.host.state cimport FILE_DIRECTORY, FILE_NONE, FILE_REGULAR, host_of
from snowsnake.machine.state cimport Machine


cdef const char* _FETCHURL_NIX = b"""# Fetch one file (or, with `unpack`, the tree in an archive) by its address and hash, with the fetcher built into Nix.
# The hash is given as `hash` (any form), or as one of md5, sha1, sha256, sha512, or as outputHash and outputHashAlgo.
let
  pair = algorithm: hash: { inherit algorithm hash; };
  # The first hash that is stated, of those in front of the last.
  first = pairs:
    let rest = builtins.tail pairs; in
    if rest == [ ] || (builtins.head pairs).hash != "" then builtins.head pairs else first rest;
in
{
  url,
  name ? baseNameOf (toString url),
  hash ? "",
  md5 ? "",
  sha1 ? "",
  sha256 ? "",
  sha512 ? "",
  outputHash ? (first [ (pair "" hash) (pair "sha512" sha512) (pair "sha1" sha1) (pair "md5" md5) (pair "sha256" sha256) ]).hash,
  outputHashAlgo ?
    (first [ (pair "" hash) (pair "sha512" sha512) (pair "sha1" sha1) (pair "md5" md5) (pair "sha256" sha256) ]).algorithm,
  executable ? false,
  unpack ? false,
  impure ? false,
  system ? "",
}:
derivation ({
  inherit name url executable unpack;
  urls = [ url ];
  builder = "builtin:fetchurl";
  system = "builtin";
  outputHashMode = if executable || unpack then "recursive" else "flat";
  preferLocalBuild = true;
  impureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];
} // (if impure then { __impure = true; } else { inherit outputHash outputHashAlgo; }))
"""


cdef const char* fetchurl_nix() noexcept nogil:
    return _FETCHURL_NIX


cdef bint is_internal(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """Whether a file is on no disk: it comes with the evaluator, or is a text that the program put into the logical store."""
    if size > 0 and path[0] == c'<':
        return True
    return host_of(m).texts.count > 0 and map_find(&host_of(m).texts, path, size) != NULL


cdef bint internal_is(const uint8_t* path, size_t size, const char* name) noexcept nogil:
    return size == strlen(name) and memcmp(path, name, size) == 0


cdef int internal_type(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    if path[0] != c'<' or internal_is(path, size, "<nix/fetchurl.nix>"):
        return FILE_REGULAR
    return FILE_DIRECTORY if internal_is(path, size, "<nix/>") or internal_is(path, size, "<nix") else FILE_NONE
