{
  /**
    Adds *two* numbers.

    ```nix
    add 1 2
    ```
  */
  add = x: y: x + y;
  /** Inner. */ # in between
  nested.deep.value = 1;
  plain = 1;
  inner =
    /** The first. */
    a:
    /**
      The second.
        Indented.
    */
    b: a;
  callable = {
    /** Called. */
    __functor = self: x: x;
  };
  none = z: z;
}
