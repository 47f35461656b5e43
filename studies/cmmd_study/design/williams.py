"""Williams designs: rows of treatments in which each stands at each place, and follows each other one, equally often.

Williams, 1949: one square of n rows for n even, two for n odd, where no single one does it. The first row zigzags,
0 1 n-1 2 n-2 ..., each next one adds 1 modulo n, and the second square is the first one backwards.

    rounds(n, count, row)   what a rater sees: `count` rows, one after the other
"""


def squares(n: int) -> list[list[list[int]]]:
    """One or two squares of the treatments 0 to n - 1; ValueError for n below 1."""
    if n < 1:
        raise ValueError(f"a design needs at least 1 treatment, got {n}")
    first = [0]
    for step in range(1, n):
        first.append((step + 1) // 2 if step % 2 else n - step // 2)
    forward = [[(treatment + shift) % n for treatment in first] for shift in range(n)]
    return [forward] if n % 2 == 0 else [forward, [row[::-1] for row in forward]]


def rounds(n: int, count: int, row: int) -> list[list[int]]:
    """`count` rows for the rater `row`. No round begins with the treatment that the one before it ended with, if n > 1.

    In each round the raters 0, 1, 2, ... use the rows of a square in turn, then those of the other one.
    """
    designs = squares(n)
    stride = _stride(designs)
    return [designs[(row // n + number) % len(designs)][(row + number * stride) % n] for number in range(count)]


def _stride(designs: list[list[list[int]]]) -> int:
    """By how many rows the next round lies ahead. Squares are cyclic, so that one row tells for all."""
    n = len(designs[0])
    pairs = [(designs[index][0][-1], designs[(index + 1) % len(designs)]) for index in range(len(designs))]

    def meets(stride: int) -> bool:
        return any(following[stride][0] == last for last, following in pairs)

    # 1 where it will do; 0 shows a rater the same row again.
    return next((stride for stride in [*range(1, n), 0] if not meets(stride)), 0)
