"""One line of the race."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One network on one backend; figures are None where it did not run."""

    file: str
    backend: str
    status: str
    """"ok", or why there are no figures."""
    precision: str | None = None
    scales: str | None = None
    """Whose scales an 8-bit network runs with: `ours` or `its own`."""
    median_ms: float | None = None
    p10_ms: float | None = None
    p90_ms: float | None = None
    ratio: float | None = None
    """Median over the rounds of the first row's time / this row's; 95 % of bootstrap samples lie
    between `ratio_low` and `ratio_high`."""
    ratio_low: float | None = None
    ratio_high: float | None = None
    peak_rss_bytes: int | None = None
    """Most memory that its process had resident, the runtime's libraries included."""
    own_rss_bytes: int | None = None
    """Of that, what came after the runtime was imported."""
    file_bytes: int | None = None
    load_ms: float | None = None
    """From the file to ready to run, with what the first run does more than the third."""
    top1: float | None = None
    top1_agreement: float | None = None
    """Of the exported file with the network it was made from, in percent."""
    snr_db: float | None = None
    max_rel_diff: float | None = None
    energy_mj: float | None = None
    energy_note: str = ""
    notes: tuple[str, ...] = ()
