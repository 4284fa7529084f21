"""Long sums of texts: the last of many `+` shares its bytes with those before it, and a union of contexts waits until somebody asks for its elements.

No operation may tell such a text from a copy, and a fold of `+` is linear.
"""

import subprocess
import sys

import pytest

from snowsnake.interpreter import Interpreter
from snowsnake.observe.statistics import statistics

MACHINES = [{}, {"stress": True}, {"level": 0}]
SETTING = """
let
  inherit (builtins) genList foldl' stringLength substring hashString attrNames getContext length elemAt concatStringsSep;
  drv = i: derivation { name = "x${toString i}"; builder = "/b"; system = "s"; };
  elements = s: length (attrNames (getContext s));
  chain = n: foldl' (a: i: a + "${drv i}") "" (genList (i: i) n);
  left = i: if i == 0 then "" else "${drv i}" + left (i - 1);
  # The same with one union.
  joined = f: n: concatStringsSep "" (genList f n);
  lines = n: foldl' (a: i: a + "line ${toString i} of a long text\n") "" (genList (i: i) n);
in
"""
# Expressions that are true.
CLAIMS = {
    "elements": "let a = chain 400; in elements a == 400 && elements a == 400 && getContext a == getContext (joined (i: \"${drv i}\") 400)",
    "text": "chain 400 == joined (i: \"${drv i}\") 400",
    "the other side": "let b = left 300; in elements b == 300 && b == joined (i: \"${drv (300 - i)}\") 300",
    "the same again": "elements (foldl' (a: i: a + \"${drv (i - i / 90 * 90)}\") \"\" (genList (i: i) 500)) == 90",
    "two from one": """
      let a = chain 150; c = a + "${drv 1000}"; d = a + "${drv 2000}"; e = c + "${drv 3000}"; in
      map elements [ a c d e (c + d) (d + c) (a + left 100) ] == [ 150 151 151 152 152 152 150 ]""",
    "discarded outputs": "elements (builtins.unsafeDiscardOutputDependency (chain 100)) == 100",
    "more": "elements (builtins.appendContext (chain 100) (getContext \"${drv 1000}\")) == 101",
    "a derivation": """
      (derivation { name = "y"; builder = "/b"; system = "s"; t = chain 200; }).drvPath
      == (derivation { name = "y"; builder = "/b"; system = "s"; t = joined (i: "${drv i}") 200; }).drvPath""",
    "lines": "lines 2000 == joined (i: \"line ${toString i} of a long text\n\") 2000",
    "two texts from one": """
      let
        t = lines 1500; size = stringLength t;
        a = t + "one"; b = t + "two"; c = a + "three"; d = a + "four"; e = c + c; f = t + t; g = d + t + d;
        cut = s: substring size (0 - 1) s;
      in map cut [ a b c d ] == [ "one" "two" "onethree" "onefour" ]
        && e == c + "" + c && substring size size f == t && substring 0 size f == t && g == joined (i: elemAt [ d t d ] i) 3 && a < b""",
    "a name": "let t = lines 1000; in attrNames { ${t + \"a\"} = 1; ${t + \"b\"} = 2; } == [ (t + \"a\") (t + \"b\") ]",
    "a part": "substring 20000 20000 (lines 3000) == substring 20000 20000 (joined (i: \"line ${toString i} of a long text\n\") 3000)",
    "all of them": """
      let all = foldl' (acc: i: acc ++ [ (elemAt acc i + "piece ${toString i} of some length;") ]) [ "" ] (genList (i: i) 900); in
      elemAt all 900 == joined (i: "piece ${toString i} of some length;") 900
      && elemAt all 700 == joined (i: "piece ${toString i} of some length;") 700""",
}


@pytest.mark.parametrize("options", MACHINES)
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_sum_is_a_text(claim, options):
    assert Interpreter(**options).evaluate((SETTING + CLAIMS[claim]).encode(), "/").to_python() is True


def test_a_message_names_an_element_of_a_union_that_waited():
    nix = Interpreter()
    with pytest.raises(Exception, match=r"not allowed to refer to a store path|-x0\.drv|context"):
        nix.evaluate((SETTING + "{ ${chain 100} = 1; }").encode(), "/").deep_force()


def made_bytes(count: int) -> int:
    nix = Interpreter(count_objects=True)
    nix.evaluate((SETTING + f"stringLength (lines {count})").encode(), "/").force()
    return statistics(nix)["gc"]["totalBytes"]


def test_a_fold_of_texts_is_linear():
    """The cost of 10 000 more lines does not depend on the number of lines before them."""
    at_first, later = made_bytes(20_000) - made_bytes(10_000), made_bytes(40_000) - made_bytes(30_000)
    assert later < 3 * at_first


def peak_kib(expression: str) -> int:
    program = f"""if True:
        import resource
        from snowsnake.interpreter import Interpreter
        Interpreter().evaluate({(SETTING + expression).encode()!r}, "/").force()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)


def test_a_fold_of_contexts_needs_no_memory_for_each_union():
    """The unions of 8000 contexts with all their elements were 128 MB."""
    one_union, many = peak_kib("elements (joined (i: \"${drv i}\") 8000)"), peak_kib("elements (chain 8000)")
    assert many < one_union + 48 * 1024
