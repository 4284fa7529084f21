# cython: language_level=3
"""The curve of Ed25519 (RFC 8032), as far as checking a signature needs it.

In: an encoded public key; the numbers of a signature, and the hash of what was signed.  Out: whether the owner of the key made the signature.
What C++ Nix's libsodium refuses is refused: encodings that are not the shortest, and points of a small order, which would fit many messages.
Nothing here is secret, so that the time that it takes may depend on the numbers.  The interpreter's lock is not held.
"""
from libc.stdint cimport int8_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cdef extern from *:
    """
    typedef unsigned __int128 edwards_uint128;
    #define EDWARDS_MASK ((UINT64_C(1) << 51) - 1)
    """
    # Cython need not know how wide it is: it only writes the expressions.
    ctypedef uint64_t uint128_t "edwards_uint128"
    const uint64_t MASK "EDWARDS_MASK"

cdef enum:
    LIMB_BITS = 51
    # 1, 3 … 15 times the key.
    KEY_MULTIPLES = 8
    # 1, 3 … 63 times the base point.
    BASE_MULTIPLES = 32
    ENCODED_BYTES = 32
    SCALAR_BITS = 256

# A number modulo 2^255 - 19, in limbs of 51 bits.  Results of operations have limbs below 2^52, except sums, whose limbs are below 2^53.
cdef struct FieldNumber:
    uint64_t at[5]

# (x, y) is (x / z, y / z); t is x * y / z.
cdef struct Point:
    FieldNumber x
    FieldNumber y
    FieldNumber z
    FieldNumber t

# What adding a point needs of it: y + x, y - x, z, and t times twice the curve's constant.
cdef struct Addend:
    FieldNumber sum
    FieldNumber difference
    FieldNumber z
    FieldNumber t

# `curve` is the curve's constant, and `root` the square root of -1.
cdef FieldNumber one, curve, twice_curve, root
cdef Addend base[BASE_MULTIPLES]


# --- numbers modulo 2^255 - 19

cdef inline void set_small(FieldNumber* out, uint64_t number) noexcept nogil:
    memset(out, 0, sizeof(FieldNumber))
    out.at[0] = number


cdef inline void carry(FieldNumber* a) noexcept nogil:
    a.at[1] += a.at[0] >> LIMB_BITS
    a.at[0] &= MASK
    a.at[2] += a.at[1] >> LIMB_BITS
    a.at[1] &= MASK
    a.at[3] += a.at[2] >> LIMB_BITS
    a.at[2] &= MASK
    a.at[4] += a.at[3] >> LIMB_BITS
    a.at[3] &= MASK
    a.at[0] += 19 * (a.at[4] >> LIMB_BITS)
    a.at[4] &= MASK


cdef inline void add(FieldNumber* out, const FieldNumber* a, const FieldNumber* b) noexcept nogil:
    cdef int i
    for i in range(5):
        out.at[i] = a.at[i] + b.at[i]


cdef inline void subtract(FieldNumber* out, const FieldNumber* a, const FieldNumber* b) noexcept nogil:
    """Adds four times the modulus, so that no limb is negative."""
    cdef int i
    out.at[0] = a.at[0] + 4 * (MASK - 18) - b.at[0]
    for i in range(1, 5):
        out.at[i] = a.at[i] + 4 * MASK - b.at[i]
    carry(out)


cdef inline void reduce_products(FieldNumber* out, uint128_t r0, uint128_t r1, uint128_t r2, uint128_t r3, uint128_t r4) noexcept nogil:
    r1 += <uint64_t>(r0 >> LIMB_BITS)
    r2 += <uint64_t>(r1 >> LIMB_BITS)
    r3 += <uint64_t>(r2 >> LIMB_BITS)
    r4 += <uint64_t>(r3 >> LIMB_BITS)
    out.at[0] = (<uint64_t>r0 & MASK) + 19 * <uint64_t>(r4 >> LIMB_BITS)
    out.at[1] = (<uint64_t>r1 & MASK) + (out.at[0] >> LIMB_BITS)
    out.at[0] &= MASK
    out.at[2] = <uint64_t>r2 & MASK
    out.at[3] = <uint64_t>r3 & MASK
    out.at[4] = <uint64_t>r4 & MASK


cdef void multiply(FieldNumber* out, const FieldNumber* a, const FieldNumber* b) noexcept nogil:
    cdef uint64_t a0 = a.at[0], a1 = a.at[1], a2 = a.at[2], a3 = a.at[3], a4 = a.at[4]
    cdef uint64_t b0 = b.at[0], b1 = b.at[1], b2 = b.at[2], b3 = b.at[3], b4 = b.at[4]
    cdef uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4
    reduce_products(
        out,
        <uint128_t>a0 * b0 + <uint128_t>a1 * c4 + <uint128_t>a2 * c3 + <uint128_t>a3 * c2 + <uint128_t>a4 * c1,
        <uint128_t>a0 * b1 + <uint128_t>a1 * b0 + <uint128_t>a2 * c4 + <uint128_t>a3 * c3 + <uint128_t>a4 * c2,
        <uint128_t>a0 * b2 + <uint128_t>a1 * b1 + <uint128_t>a2 * b0 + <uint128_t>a3 * c4 + <uint128_t>a4 * c3,
        <uint128_t>a0 * b3 + <uint128_t>a1 * b2 + <uint128_t>a2 * b1 + <uint128_t>a3 * b0 + <uint128_t>a4 * c4,
        <uint128_t>a0 * b4 + <uint128_t>a1 * b3 + <uint128_t>a2 * b2 + <uint128_t>a3 * b1 + <uint128_t>a4 * b0,
    )


cdef void square(FieldNumber* out, const FieldNumber* a) noexcept nogil:
    cdef uint64_t a0 = a.at[0], a1 = a.at[1], a2 = a.at[2], a3 = a.at[3], a4 = a.at[4]
    cdef uint64_t d0 = 2 * a0, d1 = 2 * a1, c3 = 19 * a3, c4 = 19 * a4
    reduce_products(
        out,
        <uint128_t>a0 * a0 + <uint128_t>d1 * c4 + <uint128_t>(2 * a2) * c3,
        <uint128_t>d0 * a1 + <uint128_t>(2 * a2) * c4 + <uint128_t>a3 * c3,
        <uint128_t>d0 * a2 + <uint128_t>a1 * a1 + <uint128_t>(2 * a3) * c4,
        <uint128_t>d0 * a3 + <uint128_t>d1 * a2 + <uint128_t>a4 * c4,
        <uint128_t>d0 * a4 + <uint128_t>d1 * a3 + <uint128_t>a2 * a2,
    )


cdef void square_often(FieldNumber* out, const FieldNumber* a, int times) noexcept nogil:
    square(out, a)
    for _ in range(times - 1):
        square(out, out)


cdef void power_250(FieldNumber* out, FieldNumber* eleventh, const FieldNumber* a) noexcept nogil:
    """The power 2^250 - 1, and the 11th."""
    cdef FieldNumber ninth, p5, p10, p20, p50, p100, x
    square(&x, a)
    square_often(&ninth, &x, 2)
    multiply(&ninth, &ninth, a)
    multiply(eleventh, &ninth, &x)
    square(&x, eleventh)
    multiply(&p5, &x, &ninth)
    square_often(&x, &p5, 5)
    multiply(&p10, &x, &p5)
    square_often(&x, &p10, 10)
    multiply(&p20, &x, &p10)
    square_often(&x, &p20, 20)
    multiply(&x, &x, &p20)
    square_often(&x, &x, 10)
    multiply(&p50, &x, &p10)
    square_often(&x, &p50, 50)
    multiply(&p100, &x, &p50)
    square_often(&x, &p100, 100)
    multiply(&x, &x, &p100)
    square_often(&x, &x, 50)
    multiply(out, &x, &p50)


cdef void invert(FieldNumber* out, const FieldNumber* a) noexcept nogil:
    """The power 2^255 - 21."""
    cdef FieldNumber x, eleventh
    power_250(&x, &eleventh, a)
    square_often(&x, &x, 5)
    multiply(out, &x, &eleventh)


cdef void power_root(FieldNumber* out, const FieldNumber* a) noexcept nogil:
    """The power 2^252 - 3."""
    cdef FieldNumber x, eleventh
    power_250(&x, &eleventh, a)
    square_often(&x, &x, 2)
    multiply(out, &x, a)


cdef void write_number(uint8_t* out, const FieldNumber* a) noexcept nogil:
    """The 32 bytes of a number, the lowest first; below the modulus."""
    cdef FieldNumber x = a[0]
    cdef uint64_t words[4]
    cdef uint64_t excess
    cdef int i
    carry(&x)
    carry(&x)
    excess = (x.at[0] + 19) >> LIMB_BITS
    for i in range(1, 5):
        excess = (x.at[i] + excess) >> LIMB_BITS
    x.at[0] += 19 * excess
    for i in range(4):
        x.at[i + 1] += x.at[i] >> LIMB_BITS
        x.at[i] &= MASK
    x.at[4] &= MASK
    words[0] = x.at[0] | x.at[1] << 51
    words[1] = x.at[1] >> 13 | x.at[2] << 38
    words[2] = x.at[2] >> 26 | x.at[3] << 25
    words[3] = x.at[3] >> 39 | x.at[4] << 12
    for i in range(ENCODED_BYTES):
        out[i] = <uint8_t>(words[i >> 3] >> 8 * (i & 7))


cdef void read_number(FieldNumber* out, const uint8_t* data) noexcept nogil:
    """The lower 255 bits of 32 bytes."""
    cdef uint64_t words[4]
    cdef int i
    memset(words, 0, sizeof(words))
    for i in range(ENCODED_BYTES):
        words[i >> 3] |= <uint64_t>data[i] << 8 * (i & 7)
    out.at[0] = words[0] & MASK
    out.at[1] = (words[0] >> 51 | words[1] << 13) & MASK
    out.at[2] = (words[1] >> 38 | words[2] << 26) & MASK
    out.at[3] = (words[2] >> 25 | words[3] << 39) & MASK
    out.at[4] = (words[3] >> 12) & MASK


cdef bint are_equal(const FieldNumber* a, const FieldNumber* b) noexcept nogil:
    cdef uint8_t left[ENCODED_BYTES]
    cdef uint8_t right[ENCODED_BYTES]
    write_number(left, a)
    write_number(right, b)
    return memcmp(left, right, ENCODED_BYTES) == 0


# --- points

cdef void double_point(Point* out, const Point* p, bint wants_t) noexcept nogil:
    cdef FieldNumber x2, y2, z2, sum, x, z, t
    square(&x2, &p.x)
    square(&y2, &p.y)
    square(&z2, &p.z)
    add(&z2, &z2, &z2)
    add(&sum, &p.x, &p.y)
    square(&x, &sum)
    add(&sum, &y2, &x2)
    subtract(&z, &y2, &x2)
    subtract(&x, &x, &sum)
    subtract(&t, &z2, &z)
    multiply(&out.x, &x, &t)
    multiply(&out.y, &sum, &z)
    multiply(&out.z, &z, &t)
    if wants_t:
        multiply(&out.t, &x, &sum)


cdef void add_point(Point* out, const Point* p, const Addend* q, bint is_negative, bint wants_t) noexcept nogil:
    """Adds a point, or subtracts it."""
    cdef FieldNumber a, b, c, d, x, y, z, t
    add(&a, &p.y, &p.x)
    subtract(&b, &p.y, &p.x)
    multiply(&a, &a, &q.difference if is_negative else &q.sum)
    multiply(&b, &b, &q.sum if is_negative else &q.difference)
    multiply(&c, &q.t, &p.t)
    multiply(&d, &p.z, &q.z)
    add(&d, &d, &d)
    subtract(&x, &a, &b)
    add(&y, &a, &b)
    if is_negative:
        subtract(&z, &d, &c)
        add(&t, &d, &c)
    else:
        add(&z, &d, &c)
        subtract(&t, &d, &c)
    multiply(&out.x, &x, &t)
    multiply(&out.y, &y, &z)
    multiply(&out.z, &z, &t)
    if wants_t:
        multiply(&out.t, &x, &y)


cdef void as_addend(Addend* out, const Point* p) noexcept nogil:
    add(&out.sum, &p.y, &p.x)
    carry(&out.sum)
    subtract(&out.difference, &p.y, &p.x)
    out.z = p.z
    multiply(&out.t, &p.t, &twice_curve)


cdef void odd_multiples(Addend* out, int count, const Point* p) noexcept nogil:
    cdef Point twice, multiple = p[0]
    cdef Addend step
    cdef int i
    double_point(&twice, p, True)
    as_addend(&step, &twice)
    as_addend(&out[0], p)
    for i in range(1, count):
        add_point(&multiple, &multiple, &step, False, True)
        as_addend(&out[i], &multiple)


cdef void encode(uint8_t* out, const Point* p) noexcept nogil:
    cdef FieldNumber inverse, x, y
    cdef uint8_t sign[ENCODED_BYTES]
    invert(&inverse, &p.z)
    multiply(&x, &p.x, &inverse)
    multiply(&y, &p.y, &inverse)
    write_number(out, &y)
    write_number(sign, &x)
    out[31] |= (sign[0] & 1) << 7


cdef bint decode(Point* out, const uint8_t* data) noexcept nogil:
    """Whether the 32 bytes are the encoding of a point."""
    cdef FieldNumber u, v, x, power, product
    cdef uint8_t written[ENCODED_BYTES]
    read_number(&out.y, data)
    out.z = one
    square(&u, &out.y)
    multiply(&v, &u, &curve)
    subtract(&u, &u, &one)
    add(&v, &v, &one)
    square(&power, &v)
    # v^3
    multiply(&power, &power, &v)
    square(&x, &power)
    multiply(&x, &x, &v)
    # u v^7
    multiply(&x, &x, &u)
    power_root(&x, &x)
    multiply(&x, &x, &power)
    # u v^3 (u v^7)^((p - 5) / 8)
    multiply(&x, &x, &u)
    square(&product, &x)
    multiply(&product, &product, &v)
    if not are_equal(&product, &u):
        multiply(&x, &x, &root)
        square(&product, &x)
        multiply(&product, &product, &v)
        if not are_equal(&product, &u):
            return False
    write_number(written, &x)
    if (written[0] & 1) != data[31] >> 7:
        memset(&u, 0, sizeof(FieldNumber))
        subtract(&x, &u, &x)
    out.x = x
    multiply(&out.t, &out.x, &out.y)
    encode(written, out)
    return memcmp(written, data, ENCODED_BYTES) == 0


cdef bint has_small_order(const Point* p) noexcept nogil:
    """Whether eight times the point is nothing."""
    cdef Point x = p[0]
    cdef FieldNumber zero
    for _ in range(3):
        double_point(&x, &x, False)
    memset(&zero, 0, sizeof(FieldNumber))
    return are_equal(&x.x, &zero)


# --- signatures

cdef void digits(int8_t* out, const uint8_t* number, int most) noexcept nogil:
    """Writes a number below 2^253 as 256 digits, most of them zero, the others odd and between -*most* and *most*."""
    cdef int i, k, shift, part
    for i in range(SCALAR_BITS):
        out[i] = number[i >> 3] >> (i & 7) & 1
    for i in range(SCALAR_BITS):
        if not out[i]:
            continue
        for shift in range(1, 7):
            if i + shift >= SCALAR_BITS:
                break
            part = <int>out[i + shift] << shift
            if not part:
                continue
            if out[i] + part <= most:
                out[i] += part
                out[i + shift] = 0
            elif out[i] - part >= -most:
                out[i] -= part
                k = i + shift
                while k < SCALAR_BITS and out[k]:
                    out[k] = 0
                    k += 1
                if k < SCALAR_BITS:
                    out[k] = 1
            else:
                break


cdef bint is_right(const Addend* key, const uint8_t* hash, const uint8_t* signature) noexcept nogil:
    """Whether S times the base point less HASH times the key is the point that the signature begins with."""
    cdef int8_t of_key[SCALAR_BITS]
    cdef int8_t of_base[SCALAR_BITS]
    cdef uint8_t written[ENCODED_BYTES]
    cdef Point sum
    cdef int i
    digits(of_key, hash, 2 * KEY_MULTIPLES - 1)
    digits(of_base, signature + 32, 2 * BASE_MULTIPLES - 1)
    memset(&sum, 0, sizeof(Point))
    sum.y = one
    sum.z = one
    for i in range(SCALAR_BITS - 1, -1, -1):
        double_point(&sum, &sum, of_key[i] != 0 or of_base[i] != 0)
        if of_key[i]:
            add_point(&sum, &sum, &key[abs_of(of_key[i]) >> 1], of_key[i] > 0, of_base[i] != 0)
        if of_base[i]:
            add_point(&sum, &sum, &base[abs_of(of_base[i]) >> 1], of_base[i] < 0, False)
    encode(written, &sum)
    return memcmp(written, signature, ENCODED_BYTES) == 0 and not has_small_order(&sum)


cdef inline int abs_of(int8_t digit) noexcept nogil:
    return -digit if digit < 0 else digit


cdef class PublicKey:
    """A public key; ValueError if its 32 bytes are not the encoding of a point, or of one of a small order."""
    cdef Addend multiples[KEY_MULTIPLES]

    def __init__(self, bytes encoded):
        cdef Point point
        if len(encoded) != ENCODED_BYTES or not decode(&point, <const uint8_t*><const char*>encoded) or has_small_order(&point):
            raise ValueError("public key is not valid")
        odd_multiples(self.multiples, KEY_MULTIPLES, &point)

    def has_signed(self, bytes hash, bytes signature):
        """*hash*: 32 bytes, the number below the order of the base point that the hash of the message is; *signature*: 64 bytes whose second half
        is below that order."""
        cdef const uint8_t* number = <const uint8_t*><const char*>hash
        cdef const uint8_t* data = <const uint8_t*><const char*>signature
        cdef bint found
        if len(hash) != ENCODED_BYTES or len(signature) != 2 * ENCODED_BYTES or number[31] >= 32 or data[63] >= 32:
            return False
        with nogil:
            found = is_right(self.multiples, number, data)
        return found


cdef void prepare() noexcept:
    """Computes the constants: the curve's is -121665 / 121666, and the base point has y = 4 / 5 and an even x."""
    cdef FieldNumber x, y
    cdef uint8_t encoded[ENCODED_BYTES]
    cdef Point point
    set_small(&one, 1)
    set_small(&x, 0)
    set_small(&y, 121665)
    subtract(&x, &x, &y)
    set_small(&y, 121666)
    invert(&y, &y)
    multiply(&curve, &x, &y)
    add(&twice_curve, &curve, &curve)
    carry(&twice_curve)
    set_small(&x, 2)
    power_root(&root, &x)
    square(&root, &root)
    add(&root, &root, &root)
    carry(&root)
    set_small(&x, 4)
    set_small(&y, 5)
    invert(&y, &y)
    multiply(&y, &x, &y)
    write_number(encoded, &y)
    decode(&point, encoded)
    odd_multiples(base, BASE_MULTIPLES, &point)


prepare()
