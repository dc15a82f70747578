"""The table that all parts fill."""


def figure(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def show(rows):
    """Print the table; returns how many rows are absurd."""
    lines = [("", "ours", "anchor", "", "ratio", "anchor is")]
    bad = 0
    for what, ours, anchor, unit, limit, beside in rows:
        ratio = ours / anchor if anchor else ours
        absurd = ratio > limit
        bad += absurd
        lines.append((what, figure(ours), figure(anchor) if anchor else "", unit,
                      f"{ratio:.2f}" if anchor else "", beside + (f"   ABSURD: limit {limit}" if absurd else "")))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    for line in lines:
        cells = [text.ljust(width) if column in (0, 3, 5) else text.rjust(width)
                 for column, (text, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
    return bad
