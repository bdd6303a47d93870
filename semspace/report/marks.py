"""Marks of groups: colour and shape together tell 32 groups apart."""

from semspace.report.figure import PALETTE

SHAPES = ("circle", "square", "triangle", "diamond")


def mark(group: int, x: float, y: float, size: float = 1.0, *, hollow: bool = False) -> str:
    """Draw the mark of a group; a hollow one is its outline."""
    colour = PALETTE[group % len(PALETTE)]
    fill = f'fill="none" stroke="{colour}"' if hollow else f'fill="{colour}" fill-opacity="0.8"'
    shape = shape_of(group)
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 * size:g}" {fill}/>'
    if shape == "square":
        half = 3.5 * size
        return f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:g}" height="{2 * half:g}" {fill}/>'
    if shape == "triangle":
        return f'<path d="M{x:.1f} {y - 4.5 * size:.1f}l{4.5 * size:g} {8 * size:g}h{-9 * size:g}z" {fill}/>'
    arm = 5 * size
    return f'<path d="M{x:.1f} {y - arm:.1f}l{arm:g} {arm:g}l{-arm:g} {arm:g}l{-arm:g} {-arm:g}z" {fill}/>'


def shape_of(group: int) -> str:
    """Return the shape of a group's mark, of four."""
    return SHAPES[(group // len(PALETTE) + group) % len(SHAPES)]
